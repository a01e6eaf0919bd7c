// The first generation of the TypeScript client. It speaks the revisions that begin with `initialize`.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { gateway, PATIENCE, run } from './session.mjs';

const mcp = new Client({ name: 'airlock-tests-v1', version: '1' });
const transport = new StdioClientTransport(gateway());
// This generation tells its transport the version, not its caller.
let version;
transport.setProtocolVersion = negotiated => {
  version = negotiated;
};
await run({
  mcp,
  connect: () => mcp.connect(transport, { timeout: PATIENCE }),
  version: () => version,
  call: (params, options) => mcp.callTool(params, undefined, options),
});
