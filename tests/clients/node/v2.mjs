// The second generation of the TypeScript client, in each way it negotiates: `legacy`, `auto`, or pinned to a revision.

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { gateway, PATIENCE, run } from './session.mjs';

const [mode] = process.argv.slice(2);
const versionNegotiation = mode === 'default' ? undefined : { mode: mode === 'auto' ? mode : { pin: mode } };
const mcp = new Client({ name: 'airlock-tests-v2', version: '1' }, { versionNegotiation });
await run({
  mcp,
  connect: () => mcp.connect(new StdioClientTransport(gateway()), { timeout: PATIENCE }),
  version: () => mcp.getNegotiatedProtocolVersion(),
  call: (params, options) => mcp.callTool(params, options),
});
