// The stored tensors of a network, checked against their shapes and brought into one form: raw little-endian bytes.
import { OutriderError } from '../errors.ts';
import { elementCount, elementOfCode } from './element-types.ts';
import { DATA_LOCATION, toNumber, type TensorProto } from './proto.ts';

/** Checks one initializer and returns it with raw data; without data, where that is allowed, with name, type and shape only. Throws OUT_MODEL_ONNX where its data does not fill its shape. */
export function toRawTensor(tensor: TensorProto, allowAbsent = false): TensorProto {
  const name = tensor.name ?? '';
  if (tensor.dataLocation === DATA_LOCATION.EXTERNAL) {
    throw new OutriderError('OUT_MODEL_ONNX', `the weights of ${name} are in another file: save the model as one file`);
  }
  const dims = (tensor.dims ?? []).map(toNumber);
  const count = elementCount(dims);
  if (count === null) throw new OutriderError('OUT_MODEL_ONNX', `${name} has the impossible shape [${dims.join('×')}]`);
  const element = elementOfCode(tensor.dataType ?? 0);
  // Strings and rare types stay as they are: the runtime checks them.
  if (element === null) return tensor;
  const data = rawData(tensor, element.code);
  if (allowAbsent && data.byteLength === 0) return { name, dims: [...(tensor.dims ?? [])], dataType: element.code };
  if (data.byteLength !== count * element.bytes) {
    throw new OutriderError(
      'OUT_MODEL_ONNX',
      `${name} is ${element.type}[${dims.join('×')}] of ${count * element.bytes} bytes, ${data.byteLength} arrived: the file is cut short or damaged`,
    );
  }
  return { name, dims: [...(tensor.dims ?? [])], dataType: element.code, rawData: data };
}

function rawData(tensor: TensorProto, code: number): Uint8Array {
  const raw = tensor.rawData;
  if (raw !== null && raw !== undefined && raw.byteLength > 0) return raw;
  const bytes = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const small = tensor.int32Data ?? [];
  switch (code) {
    case 1:
      return bytes(Float32Array.from(tensor.floatData ?? []));
    case 2:
    case 9:
      return Uint8Array.from(small);
    case 3:
      return bytes(Int8Array.from(small));
    case 4:
    case 10:
      return bytes(Uint16Array.from(small));
    case 5:
      return bytes(Int16Array.from(small));
    case 6:
      return bytes(Int32Array.from(small));
    case 7:
      return bytes(BigInt64Array.from((tensor.int64Data ?? []).map((value) => BigInt(String(value)))));
    case 11:
      return bytes(Float64Array.from(tensor.doubleData ?? []));
    case 12:
      return bytes(Uint32Array.from((tensor.uint64Data ?? []).map(toNumber)));
    default:
      return bytes(BigUint64Array.from((tensor.uint64Data ?? []).map((value) => BigInt(String(value)))));
  }
}

/** Size that a stored tensor's type and shape ask for [bytes]. */
export function declaredBytes(tensor: TensorProto): number {
  const count = elementCount((tensor.dims ?? []).map(toNumber)) ?? 0;
  return count * (elementOfCode(tensor.dataType ?? 0)?.bytes ?? 0);
}
