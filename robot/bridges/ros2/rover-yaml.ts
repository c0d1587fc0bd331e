// A rover's YAML with a body of ROS 2 topics.
import { z } from 'zod';
import { roverFields } from '../../rover-yaml.ts';
import { ros2Schema } from './config.ts';

export const roverYamlSchema = z.strictObject({ body: z.literal('ros2'), ...roverFields, ros2: ros2Schema.prefault({}) });

export type RoverYaml = z.infer<typeof roverYamlSchema>;
