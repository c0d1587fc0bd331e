// The one registry of coded errors. Each says what arrived and how to mend it; docs/errors.md is generated from it.

/** A registered error: its meaning and the way out, as shown in docs/errors.md. */
export interface ErrorDefinition {
  /** What went wrong, in one sentence. */
  readonly summary: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

const define = <const T extends Record<string, ErrorDefinition>>(registry: T): T => registry;

/** All codes, grouped by prefix. Add new ones here only. */
export const ERRORS = define({
  OUT_CONFIG_INVALID: {
    summary: 'A configuration, scenario or mission file has unknown keys or impossible values.',
    remedy: 'Mend each listed key; the message gives its path, what arrived and what is allowed.',
  },
  OUT_CONFIG_UNREADABLE: {
    summary: 'A configuration, scenario or mission file cannot be read or is not YAML.',
    remedy: 'Check the path, the permissions and the line that the message names.',
  },
  OUT_RECORDING_INVALID: {
    summary: 'A file is not a recording of a rover’s ports, or what it holds is damaged.',
    remedy: 'Give a file that `outrider robot --record` wrote; one that was cut off by a crash is read up to there.',
  },
  OUT_CLI_USAGE: {
    summary: 'A command was called with unknown or contradictory options.',
    remedy: 'Run the command with --help.',
  },
  OUT_PROTOCOL_TOPIC: {
    summary: 'A topic was built from something that is not an id.',
    remedy: 'Use ids of 1 to 64 characters of A-Z, a-z, 0-9, _ and - for sites, missions, rovers, hosts and modules.',
  },
  OUT_PROTOCOL_MESSAGE: {
    summary: 'An MQTT message is too large, not UTF-8 JSON, or does not match its schema; it was dropped.',
    remedy: 'Compare the sender with docs/protocol.md; the message names the path and what arrived.',
  },
  OUT_MODULE_SOURCE: {
    summary: 'A module’s source uses something that cannot cross an elastic call or is outside the portable subset.',
    remedy: 'Change the place that the message names (file:line); it says what to write instead.',
  },
  OUT_MODULE_BUILD: {
    summary: 'A module could not be built: module.json is wrong, or a compiler refused the source.',
    remedy: 'Mend what the message lists; each line gives file and line of the module’s source.',
  },
  OUT_MODULE_NEW: {
    summary: 'A new module cannot be made: its name is not lower-case words joined by -, or its folder exists already.',
    remedy: 'Choose a name like `gas-map`, and with --dir a folder that does not exist yet.',
  },
  OUT_MODULE_TOOLS: {
    summary: 'Building modules needs compilers that are not installed here.',
    remedy:
      'Install the development dependencies (typescript, esbuild, assemblyscript, @bytecodealliance/jco); running modules needs none of them.',
  },
  OUT_MODULE_BUNDLE: {
    summary: 'A module bundle is incomplete, malformed or of an unknown format.',
    remedy: 'Build the module again, or fetch the bundle again from where it came.',
  },
  OUT_MODULE_TAMPERED: {
    summary: 'A file of a module bundle does not have the digest that the manifest promises.',
    remedy: 'Do not run it; fetch the bundle again from a trusted place.',
  },
  OUT_MODULE_SIGNATURE: {
    summary: 'A module bundle is not signed, or not by a key that is trusted here.',
    remedy: 'Sign it with `outrider module sign`, or add the key to the trusted ones.',
  },
  OUT_MODULE_COMPONENT: {
    summary: 'A component cannot be run: it is not one, does not match its world, or imports what is not a declared host function.',
    remedy: 'Build it against the world.wit of the module, without WASI; the message names the import or export.',
  },
  OUT_MODULE_HOST_FUNCTION: {
    summary: 'A module imports a host interface or function that is not granted here.',
    remedy: 'Grant the interface in the site configuration, or run the module where it is granted.',
  },
  OUT_MODULE_VALUE: {
    summary: 'A value does not have the type that an elastic function declares, or its encoding is malformed or too large.',
    remedy: 'Compare the value at the path that the message names with the function’s signature.',
  },
  OUT_MODULE_THREW: {
    summary: 'A module’s function threw an error; its message is the error’s message.',
    remedy: 'See the function’s documentation; the instance can be used further.',
  },
  OUT_MODULE_TRAP: {
    summary: 'A Wasm module trapped (out of bounds, out of memory, unreachable); the instance must be retired.',
    remedy: 'Restore a new instance from the last checkpoint; report the module’s author the message.',
  },
  OUT_MODULE_SNAPSHOT: {
    summary: 'A snapshot or memory image belongs to another module, a newer state version, or is malformed.',
    remedy: 'Restore it with the module and version that made it, or a newer version that migrates it.',
  },
  OUT_MODEL_ENGINE: {
    summary: 'The inference engine or the provider that is asked for is not there.',
    remedy: 'Install onnxruntime-node, or set the provider to `auto` or `cpu`; CUDA and TensorRT need their libraries on this machine.',
  },
  OUT_MODEL_UNKNOWN: {
    summary: 'There is no network of this name here, or one of its two files is missing.',
    remedy: 'Put `<name>.onnx` and `<name>.json` into a models folder of the site and of the rover; docs/detection.md shows both.',
  },
  OUT_MODEL_UNREADABLE: {
    summary: 'A network cannot be loaded: it is no ONNX file, damaged, too large, or uses what the engine does not know.',
    remedy: 'Check it with `onnx.checker`, and export it again with an opset that the engine knows (17 is safe).',
  },
  OUT_MODEL_SHAPE: {
    summary: 'The inputs or outputs of a network are not what its configuration says.',
    remedy: 'Compare what was expected with what arrived, and correct layout, classes or input size in `<name>.json`, or the export.',
  },
  OUT_MODEL_INPUT: {
    summary: 'A module asked for inference on tensors that do not fit the network.',
    remedy: 'Give each input by its name, in the shape that the message names, as float32.',
  },
  OUT_MODEL_OUTPUT: {
    summary: 'A network failed while it computed, or gave values that are no numbers.',
    remedy: 'Look at the frame and at the weights; a network that was converted to half precision may overflow.',
  },
  OUT_MODEL_STALE: {
    summary: 'A frame waited too long for inference and was dropped: newer ones count.',
    remedy: 'Give the host an accelerator or fewer rovers, or a longer inference deadline.',
  },
  OUT_MODEL_BUSY: {
    summary: 'A caller has more requests waiting for inference than is allowed.',
    remedy: 'Wait for an answer before the next request.',
  },
  OUT_IMAGE_UNREADABLE: {
    summary: 'A compressed picture is damaged, no JPEG, or has more pixels than are accepted.',
    remedy: 'Send baseline or progressive JPEG of at most 8 megapixels.',
  },
  OUT_TRANSPORT_UNREACHABLE: {
    summary: 'No data-plane connection could be made to an address.',
    remedy:
      'Check that the host runs and that its address and port are reachable from here; MQTT is used as the fallback where no direct way exists.',
  },
  OUT_ELASTIC_DEADLINE: {
    summary: 'An elastic call did not answer before its deadline; if it had begun, it may still have taken effect, once.',
    remedy: 'Allow more time, or look in the module’s events why it was slow (a move, a lost link, a busy host).',
  },
  OUT_ELASTIC_CANCELLED: {
    summary: 'An elastic call was cancelled by its caller before it began.',
    remedy: 'Nothing; the effect did not take place.',
  },
  OUT_ELASTIC_STALE: {
    summary: 'A `latest` call was replaced by a newer one, or was under way when the connection was lost.',
    remedy: 'Call with newer data; use a reliable function where every call matters.',
  },
  OUT_ELASTIC_OVERLOADED: {
    summary: 'Too many elastic calls wait (for the edge to come back, or for a slow instance).',
    remedy: 'Call less often, await results, or raise outboxMaxCalls and outboxMaxBytes.',
  },
  OUT_ELASTIC_CLOSED: {
    summary: 'An elastic module was closed, or called before it was started.',
    remedy: 'Start the module first; create a new one after closing.',
  },
  OUT_ELASTIC_LOST: {
    summary: 'The connection to a module’s instance was lost.',
    remedy: 'Nothing while it recovers by itself; look at the link and the edge host if it happens often.',
  },
  OUT_ELASTIC_REMOTE: {
    summary: 'A module’s instance answered with an error that is not in this registry; its message is the error’s message.',
    remedy: 'See the function’s documentation and the host’s log.',
  },
  OUT_ELASTIC_REFUSED: {
    summary: 'A module’s instance refused a fixed end: wrong token, other module or interface, or a move that others’ use forbids.',
    remedy: 'Check what the message names; both ends must run the same bundle.',
  },
  OUT_ELASTIC_RETIRED: {
    summary: 'The instance has given its state away or is fenced by a newer epoch; it answers no more calls.',
    remedy: 'Nothing: the fixed end looks for the newer one by itself.',
  },
  OUT_ELASTIC_CHECKPOINT: {
    summary: 'A checkpoint is malformed, or belongs to another module or interface.',
    remedy: 'Restore it with the bundle that made it.',
  },
  OUT_WIRE_MALFORMED: {
    summary: 'A frame from the other end is truncated, of an unknown kind, or out of place; the connection was closed.',
    remedy: 'Compare the peer with docs/wire.md; both ends must speak the same version.',
  },
  OUT_WIRE_LIMIT: {
    summary: 'The other end, or a call here, exceeds a limit of the wire format.',
    remedy: 'See the limits in docs/wire.md; send less at once.',
  },
  OUT_BUS_UNREACHABLE: {
    summary: 'No connection to the MQTT broker could be made.',
    remedy: 'Check that the broker runs and that its address and port are reachable from here.',
  },
  OUT_BUS_REFUSED: {
    summary: 'The MQTT broker does not accept this client, or does not permit a subscription.',
    remedy:
      'Check user name, password or certificate (a member that was revoked or enrolled anew is refused), and the access rules of the broker for this client.',
  },
  OUT_BUS_OVERFLOW: {
    summary: 'Too many messages wait for a broker that is away.',
    remedy: 'Wait for the connection, publish less, or raise the bounds of the outbox.',
  },
  OUT_BUS_CLOSED: {
    summary: 'A bus connection was used after it was closed.',
    remedy: 'Close the bus after everything that publishes on it.',
  },
  OUT_EDGE_UNAUTHORIZED: {
    summary: 'A rover, ticket or token is not known here, has expired, or is not allowed what it asked for.',
    remedy: 'Enroll the rover at the site, or give it the credential that the site knows; ask for the offload again when a ticket expired.',
  },
  OUT_EDGE_UNKNOWN: {
    summary: 'There is no such host, instance or checkpoint.',
    remedy: 'List what there is (`/instances`, `/api/site`), and use one of its ids.',
  },
  OUT_EDGE_NO_HOST: {
    summary: 'No edge host has what a module needs.',
    remedy: 'The message lists each host and what it lacks: add a host, grant the host function, or stop what uses the memory.',
  },
  OUT_EDGE_OFFER: {
    summary: 'An offer of the Offload Manager has expired, was taken before, or was made by a manager that does not act any more.',
    remedy: 'Nothing: the rover negotiates anew by itself; if it goes on, look why rovers take longer than 5 s to accept.',
  },
  OUT_EDGE_QUOTA: {
    summary: 'A tenant has used up what the site grants it.',
    remedy: 'Stop instances that are not needed, or raise the quota in the site configuration.',
  },
  OUT_EDGE_TRANSFER: {
    summary: 'A transfer to an edge host broke off, is malformed, too large, or does not have the announced digest.',
    remedy: 'Try again: what arrived whole is kept. A wrong digest means that the bundle changed on the way.',
  },
  OUT_EDGE_DEADLINE: {
    summary: 'A call ran longer than the site allows; its instance was stopped.',
    remedy: 'Make the function faster, or raise `limits.callDeadlineMs` in the site configuration.',
  },
  OUT_EDGE_NO_LIMITS: {
    summary: 'This machine cannot enforce a limit of a host process that the site requires.',
    remedy:
      'Run `outrider edge` as a systemd service with `Delegate=yes` (cgroup v2), on Linux with util-linux, or take `required` away from the ' +
      'limits; `outrider doctor` shows what this machine enforces.',
  },
  OUT_EDGE_LIMIT: {
    summary: 'A module asked for more memory, output or messages than the site allows.',
    remedy: 'Lower what the module asks for, or raise the limit that the message names in the site configuration.',
  },
  OUT_EDGE_FENCED: {
    summary: 'An instance of an older epoch tried to write state: it was replaced meanwhile.',
    remedy: 'Nothing to do: the instance stops itself, and its rovers find the new one.',
  },
  OUT_EDGE_STORE: {
    summary: 'The checkpoint or bundle store cannot be read or written, or holds something broken.',
    remedy: 'Check space and permissions of the data folder that the message names.',
  },
  OUT_EDGE_TIMEOUT: {
    summary: 'The other side did not answer on the control plane in time.',
    remedy: 'Check that the broker, the manager and the host run; it is tried again with the next trigger.',
  },
  OUT_EDGE_HOST_START: {
    summary: 'An edge host process did not come up.',
    remedy: 'The message gives its last words; run `outrider edge` with one host to see its log.',
  },
  OUT_SITE_EXISTS: {
    summary: 'A site, an identity or a member of that name is there already; nothing was overwritten.',
    remedy: 'Choose another folder or id, or remove the old one first (`outrider site revoke` for a member).',
  },
  OUT_SITE_FOLDER: {
    summary: 'A folder is not that of a site or an identity: a file that belongs there is missing or broken.',
    remedy: 'Make a site with `outrider site init DIR`; enroll a rover or host again with a new token where its identity is broken.',
  },
  OUT_SITE_KEY_PERMISSIONS: {
    summary: 'Others than the owner can read a file that holds a secret; it was not used.',
    remedy: 'Make it private (`chmod 600 FILE`); if others may have read it, revoke the member and enroll it again.',
  },
  OUT_SITE_TOKEN: {
    summary: 'An enrolment token is not one, or was cut or changed while it was copied.',
    remedy: 'Copy the whole token that `outrider site enroll` printed: one word that begins with `outrider1.`.',
  },
  OUT_SITE_TOKEN_UNKNOWN: {
    summary: 'The site does not know this enrolment token: it was made by another site folder, or withdrawn.',
    remedy: 'Make a new one in the folder of this site: `outrider site enroll ROVER --dir DIR`.',
  },
  OUT_SITE_TOKEN_EXPIRED: {
    summary: 'An enrolment token was shown after it had expired.',
    remedy: 'Make a new one: `outrider site enroll ROVER --dir DIR`, with a longer --expires if an hour is too short.',
  },
  OUT_SITE_TOKEN_USED: {
    summary: 'An enrolment token was shown a second time: each works once.',
    remedy:
      'If you enrolled here before, leave --enroll out and give --identity; if you did not, somebody else did: revoke the member and make a new token.',
  },
  OUT_SITE_TOKEN_OTHER: {
    summary: 'An enrolment token was made for another rover or host than the one that shows it.',
    remedy: 'Leave --id out (the token says who it is for), or make a token for this id.',
  },
  OUT_SITE_WRONG_CA: {
    summary: 'The server that answered does not have a certificate of the site that the token or the identity was made by.',
    remedy: 'Check --site-url: another site, or somebody in between, answers there. Do not go on before you know which.',
  },
  OUT_SITE_NAME: {
    summary: 'The site’s certificate does not hold for the address that it was called by.',
    remedy: 'Call it by one of the names that the message lists, or make the site with `outrider site init DIR --host NAME`.',
  },
  OUT_SITE_CLOCK: {
    summary: 'A certificate does not hold at this time: the clock of this machine or of the site is wrong, or the certificate has expired.',
    remedy: 'Set the clocks (NTP); if the certificate has really expired, enroll again.',
  },
  OUT_SITE_UNREACHABLE: {
    summary: 'Nothing answers at the address of the site, or what answers does not speak TLS.',
    remedy:
      'Check that `outrider edge --config DIR/site.yaml` runs, that --site-url has its address and port, and that no firewall is between.',
  },
  OUT_SITE_REVOKED: {
    summary: 'The site has revoked this rover or host.',
    remedy: 'If that was a mistake, enroll it again: `outrider site enroll ID --dir DIR`.',
  },
  OUT_SITE_INSECURE: {
    summary: 'Something would listen or connect outside loopback without TLS and authentication.',
    remedy:
      'Make a site with `outrider site init DIR` and run `outrider edge --config DIR/site.yaml`; on a network that you trust, say --insecure.',
  },
  OUT_SITE_LOGIN: {
    summary: 'The site’s web page or API was asked without, or with the wrong, authentication.',
    remedy: 'Log in as an operator (`outrider site operator NAME --dir DIR` makes one), or show the token of the instance.',
  },
  OUT_LOG_UNREADABLE: {
    summary: 'A recorded log cannot be opened or read.',
    remedy: 'Check the path and the permissions.',
  },
  OUT_LOG_TRUNCATED: {
    summary: 'A recorded log breaks off: its compressed data or its last line is incomplete.',
    remedy: 'Fetch the log again; the message gives the last line that could be read.',
  },
  OUT_LOG_MALFORMED: {
    summary: 'A line of a recorded log is not what its format says, or the file is no such log.',
    remedy: 'Mend or remove the line that the message names (CARMEN: FLASER n r1…rn x y θ ox oy oθ time host time).',
  },
  OUT_SIM_STALLED: {
    summary: 'A headless run has nothing left to do although it is not over: something waits for an event that never comes.',
    remedy: 'Look for an awaited promise that no timer, message or held work settles; the message gives the virtual time.',
  },
  OUT_SIM_SITE: {
    summary: 'A simulated site is impossible: something stands in a wall, or there is no room for what is wanted.',
    remedy: 'Move what the message names, make the site larger, or ask for fewer rovers, hazards or props.',
  },
  OUT_MAP_IMAGE: {
    summary: 'A map picture is not a PNG or PGM, is cut short, or is too large.',
    remedy: 'Give a greyscale PNG or PGM (P5, P2) of at most 100 million pixels, with its map_server YAML beside it or with --resolution.',
  },
  OUT_MODEL_ONNX: {
    summary:
      'A file is no ONNX model, is cut short, or its graph is broken (a cycle, a tensor that nothing makes, weights of a wrong size).',
    remedy: 'Export the model again as one file, opset 11 or newer; the message names the node or tensor.',
  },
  OUT_MODEL_LIMIT: {
    summary: 'A model, its graph or its input is larger than Outrider takes.',
    remedy: 'Use a smaller model or input size; the message gives the limit.',
  },
  OUT_MODEL_TENSOR: {
    summary: 'A tensor, shape or cut does not fit the model.',
    remedy: 'Compare it with what the message says was expected; give open dimensions by --shape NAME=1x3x480x640.',
  },
  OUT_MODEL_TRANSFER: {
    summary: 'A network that goes to a host piece by piece is malformed, too large, or a piece does not have the announced digest.',
    remedy: 'Start the upload again; a wrong digest means that the model changed on the way. Both ends must run the same version.',
  },
  OUT_MODEL_PROFILE: {
    summary: 'A network’s layer profile, or what is asked of the partitioner, is impossible.',
    remedy: 'Give layers with finite sizes [bytes] and times [ms] of 0 and more, a bandwidth above 0 and 0 < K < 1.',
  },
  OUT_HARDWARE_PACKAGE: {
    summary: 'A package for access to hardware is not installed or was not built for this machine.',
    remedy: 'Install it where the rover runs (`npm install i2c-bus onoff`, with g++, make and python3 present); see docs/raspberry-pi.md.',
  },
  OUT_HARDWARE_BUS: {
    summary: 'A hardware bus (I2C, SPI, serial) is not there or may not be opened.',
    remedy:
      'Enable it (`sudo raspi-config nonint do_i2c 0`, reboot) and put the user into its group (i2c, spi, dialout); see docs/raspberry-pi.md.',
  },
  OUT_HARDWARE_GPIO: {
    summary: 'The GPIO lines of the 40-pin header cannot be reached.',
    remedy: 'Run on a Raspberry Pi with sysfs GPIO, as a user of the group gpio, with no other program on the line that the message names.',
  },
  OUT_WATCHDOG_SOCKET: {
    summary: 'The motor watchdog cannot listen on its socket.',
    remedy:
      'Run one watchdog per rover, in a folder that it may write to (systemd makes /run/outrider), or name another `watchdog.socket`.',
  },
  OUT_HARDWARE_UNSUPPORTED: {
    summary: 'A part of a rover is configured that this driver cannot serve.',
    remedy: 'Leave the section out, or use the board or wiring that the message names.',
  },
  OUT_ROS_ENVIRONMENT: {
    summary: 'A rover with `body: ros2` was started outside a ROS 2 environment.',
    remedy: 'Source it in the same shell first, for example `source /opt/ros/jazzy/setup.bash`, then start again; see docs/ros2.md.',
  },
  OUT_ROS_LIBRARY: {
    summary: 'rclnodejs, the ROS 2 client library, is missing, was built for another ROS 2, or does not load.',
    remedy:
      'In a sourced shell, run `npm install rclnodejs@2.2.0` (it compiles against that ROS 2), or `npm rebuild rclnodejs`; see docs/ros2.md.',
  },
  OUT_ROS_CLOCK: {
    summary: '`useSimTime` is set, but nothing publishes on /clock.',
    remedy: 'Start the simulator or `ros2 bag play --clock`, or set `useSimTime: false`.',
  },
  OUT_CALIBRATION: {
    summary: 'Calibration cannot be computed from what was measured.',
    remedy: 'Repeat the figure or the pictures that the message names; docs/calibration.md says how to measure.',
  },
  OUT_INTERNAL: {
    summary: 'An internal invariant does not hold: a programming error in Outrider.',
    remedy: 'Report it with the log; the message names the place.',
  },
});

export type ErrorCode = keyof typeof ERRORS;
