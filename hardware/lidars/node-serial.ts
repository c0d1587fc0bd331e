// Serial ports of this machine through the `serialport` package, which is loaded when the first port is opened.
import type { OpenSerial } from './lidar-protocol.ts';

/** Opens the device file with 8 data bits, no parity, 1 stop bit. Rejects with the system's reason (no such file, not permitted, busy). */
export const openNodeSerial: OpenSerial = async (path, baudRate, events) => {
  const { SerialPort } = await import('serialport');
  const port = new SerialPort({ path, baudRate, autoOpen: false });
  port.on('data', (bytes: Buffer) => events.data(bytes));
  await new Promise<void>((resolve, reject) => port.open((error) => (error === null || error === undefined ? resolve() : reject(error))));
  let told = false;
  const closed = (reason: string): void => {
    if (told) return;
    told = true;
    events.closed(reason);
  };
  port.on('close', (error?: Error | null) => closed(error?.message ?? 'the port was closed'));
  port.on('error', (error: Error) => {
    closed(error.message);
    if (port.isOpen) port.close(() => {});
  });
  return {
    write: (bytes) => {
      if (port.isOpen) port.write(Buffer.from(bytes));
    },
    setDtr: (on) => {
      if (port.isOpen) port.set({ dtr: on }, () => {});
    },
    close: () => {
      if (port.isOpen) port.drain(() => port.close(() => {}));
    },
  };
};
