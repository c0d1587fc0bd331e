// What is used of the optional hardware packages; declared here, so that types check where they are not installed.
declare module 'i2c-bus' {
  export interface SyncBus {
    i2cWriteSync(address: number, length: number, buffer: Buffer): number;
    readI2cBlockSync(address: number, command: number, length: number, buffer: Buffer): number;
    closeSync(): void;
  }
  const i2c: { openSync(busNumber: number): SyncBus };
  export default i2c;
}

declare module 'onoff' {
  export class Gpio {
    constructor(line: number, direction: 'in' | 'high' | 'low');
    readSync(): 0 | 1;
    writeSync(level: 0 | 1): void;
    setDirection(direction: 'in'): void;
    unexport(): void;
  }
}
