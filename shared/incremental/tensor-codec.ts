// Tensors on the wire: name, element type, shape, bytes; sizes must agree.
import { OutriderError } from '../errors.ts';
import type { WireReader, WireWriter } from '../elastic/wire-cursor.ts';
import { elementOfCode, elementOfType } from '../onnx/element-types.ts';
import { specBytes, type NamedTensors, type Tensor, type TensorSpec } from '../onnx/tensor.ts';
import { MAX_NAME_BYTES, MAX_RANK, MAX_TENSORS } from './limits.ts';

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
  for (const [name, { type, dims }] of tensors) encodeSpec(writer, { name, type, dims });
  return [writer.done(), ...[...tensors.values()].map((tensor) => tensor.data)];
}

/** Reads to the end of the frame. The data are views of it. */
export function decodeTensors(reader: WireReader): NamedTensors {
  const count = reader.u8();
  if (count > MAX_TENSORS) throw new OutriderError('OUT_WIRE_LIMIT', `${count} tensors at once, at most ${MAX_TENSORS} are allowed`);
  const specs = Array.from({ length: count }, () => decodeSpec(reader));
  const tensors = new Map<string, Tensor>();
  // The data follow in order; a shape that promises more than has arrived ends the reading before anything is allocated.
  for (const spec of specs) tensors.set(spec.name, { type: spec.type, dims: spec.dims, data: reader.bytes(specBytes(spec)) });
  reader.end();
  if (tensors.size !== count) throw new OutriderError('OUT_WIRE_MALFORMED', 'two tensors of one name');
  return tensors;
}

/** Tensors that outlive the frame they came in. */
export function copyTensors(tensors: NamedTensors): NamedTensors {
  return new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, data: new Uint8Array(tensor.data) }]));
}
