// Tensors on the wire: name, element type, shape, then their bytes in the smallest lossless form; sizes must agree.
import { OutriderError } from '../errors.ts';
import { MAX_FRAME_BYTES } from '../elastic/limits.ts';
import { WireWriter, type WireReader } from '../elastic/wire-cursor.ts';
import { elementCount, elementOfCode, elementOfType } from '../onnx/element-types.ts';
import { specBytes, type NamedTensors, type Tensor, type TensorSpec } from '../onnx/tensor.ts';
import { MAX_NAME_BYTES, MAX_RANK, MAX_TENSORS } from './limits.ts';
import { packTensor, unpackTensor } from './tensor-packing.ts';

export function encodeSpec(writer: WireWriter, { name, type, dims }: TensorSpec): void {
  writer
    .text(name)
    .u8(elementOfType(type)?.code ?? 0)
    .u8(dims.length);
  for (const dim of dims) writer.u32(dim);
}

export function decodeSpec(reader: WireReader): TensorSpec {
  const name = reader.text(MAX_NAME_BYTES, 'name of a tensor');
  const code = reader.u8();
  const element = elementOfCode(code);
  if (element === null) throw new OutriderError('OUT_WIRE_MALFORMED', `tensor ${name} of element type ${code}`);
  const rank = reader.u8();
  if (rank > MAX_RANK) throw new OutriderError('OUT_WIRE_LIMIT', `tensor ${name} of ${rank} dimensions, at most ${MAX_RANK} are allowed`);
  const dims = Array.from({ length: rank }, () => reader.u32());
  return { name, type: element.type, dims };
}

/** Appends tensors to the fields in `writer`; their bytes stay parts of their own. */
export function encodeTensors(writer: WireWriter, tensors: NamedTensors): readonly Uint8Array[] {
  writer.u8(tensors.size);
  const parts: Uint8Array[] = [];
  for (const [name, tensor] of tensors) {
    const { packing, bytes } = packTensor(tensor);
    encodeSpec(writer, { name, type: tensor.type, dims: tensor.dims });
    writer.u8(packing).u32(bytes.byteLength);
    parts.push(bytes);
  }
  return [writer.done(), ...parts];
}

/** Reads to the end of the frame. Data that travel as they are stay views of it. */
export function decodeTensors(reader: WireReader): NamedTensors {
  const count = reader.u8();
  if (count > MAX_TENSORS) throw new OutriderError('OUT_WIRE_LIMIT', `${count} tensors at once, at most ${MAX_TENSORS} are allowed`);
  const heads = Array.from({ length: count }, () => ({ spec: decodeSpec(reader), packing: reader.u8(), bytes: reader.u32() }));
  const tensors = new Map<string, Tensor>();
  let total = 0;
  for (const { spec, packing, bytes } of heads) {
    // A shape that promises more than a frame may hold ends the reading before anything is allocated.
    total += elementCount(spec.dims) === null ? Number.POSITIVE_INFINITY : specBytes(spec);
    if (total > MAX_FRAME_BYTES)
      throw new OutriderError('OUT_WIRE_LIMIT', `tensors of ${total} bytes, at most ${MAX_FRAME_BYTES} are allowed`);
    const data = unpackTensor({ packing, bytes: reader.bytes(bytes) }, specBytes(spec));
    tensors.set(spec.name, { type: spec.type, dims: spec.dims, data });
  }
  reader.end();
  if (tensors.size !== count) throw new OutriderError('OUT_WIRE_MALFORMED', 'two tensors of one name');
  return tensors;
}

/** What these tensors take on the wire [bytes]. */
export function wireBytes(tensors: NamedTensors): number {
  let bytes = 0;
  for (const part of encodeTensors(new WireWriter(), tensors)) bytes += part.byteLength;
  return bytes;
}

/** Tensors that outlive the frame they came in. */
export function copyTensors(tensors: NamedTensors): NamedTensors {
  return new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, data: new Uint8Array(tensor.data) }]));
}
