// The ONNX file format (onnx.proto of ONNX 1.10, IR version 8) by its generated protobuf code.
import onnxProto, { type onnx } from 'onnx-proto';

export type ModelProto = onnx.IModelProto;
export type GraphProto = onnx.IGraphProto;
export type NodeProto = onnx.INodeProto;
export type TensorProto = onnx.ITensorProto;
export type ValueInfoProto = onnx.IValueInfoProto;

/** Parses; throws whatever the protobuf reader throws. The bytes must stay as they are: weights are views of them. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return onnxProto.onnx.ModelProto.decode(bytes);
}

export function encodeModel(model: ModelProto): Uint8Array {
  return onnxProto.onnx.ModelProto.encode(model).finish();
}

/** A 64-bit field as a number: plain where it is small, an object of two halves where it is not. */
export function toNumber(value: number | { toNumber(): number } | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === 'number' ? value : value.toNumber();
}

/** Kinds of attributes and places of data, by their names in onnx.proto. */
export const { AttributeType: ATTRIBUTE } = onnxProto.onnx.AttributeProto;
export const { DataLocation: DATA_LOCATION } = onnxProto.onnx.TensorProto;
