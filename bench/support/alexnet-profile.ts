// AlexNet as a chain of layers: the times published with the IONN client (Jeong et al., SoCC 2018), sizes from the shapes in float32.
import type { LayerProfile } from '../../shared/partition/layer-profile.ts';

/** name, input, output, weights [bytes], client, server, load [ms] */
const ROWS: readonly (readonly [string, number, number, number, number, number, number])[] = [
  ['conv1', 618348, 1161600, 139776, 70.6632, 0.080698, 0.988],
  ['norm1', 1161600, 1161600, 0, 38.5228, 0.038688, 0.0001],
  ['pool1', 1161600, 279936, 0, 4.4796, 0.017075, 0.00005],
  ['conv2', 279936, 746496, 1229824, 145.11, 0.183296, 1.468],
  ['norm2', 746496, 746496, 0, 26.6806, 0.070669, 0.0001],
  ['pool2', 746496, 173056, 0, 2.505, 0.011238, 0.00005],
  ['conv3', 173056, 259584, 3540480, 95.4666, 0.107072, 1.852],
  ['conv4', 259584, 259584, 2655744, 73.6726, 0.09344, 1.85205],
  ['conv5', 259584, 173056, 1770496, 50.8384, 0.075757, 1.46805],
  ['pool5', 173056, 36864, 0, 0.9608, 0.015776, 0.0001],
  ['fc6', 36864, 16384, 151011328, 200.224, 0.636442, 46.598483],
  ['fc7', 16384, 16384, 67125248, 90.0158, 0.221907, 21.432759],
  ['fc8', 16384, 4000, 16388000, 22.4814, 0.075552, 6.2153],
];

export const ALEXNET: readonly LayerProfile[] = ROWS.map(([name, inputBytes, outputBytes, weightBytes, clientMs, serverMs, loadMs]) => ({
  name,
  inputBytes,
  outputBytes,
  weightBytes,
  clientMs,
  serverMs,
  loadMs,
}));
