// Makes one call that needs its user's yes through an official TypeScript client, and prints what happened as one JSON value.
//
//     node approve.mjs v1|default|auto|2026-07-28 COMMAND [ARGUMENT ...]
//
// `v1` is the first generation of the client, the others are ways in which the second one negotiates. The environment is that of approve.py.

import { execFileSync } from 'node:child_process';

const [mode, command, ...args] = process.argv.slice(2);
const ANSWER = process.env.AIRLOCK_ANSWER;
const PATIENCE = 30_000;
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('AIRLOCK_')));
const capabilities = ANSWER === 'none' ? {} : { elicitation: { form: {} } };
const asked = [];

/** The user: reads, and answers or does not. */
async function user(request) {
  asked.push(request.params.message);
  if (ANSWER === 'nothing') return new Promise(() => {});
  return ANSWER === 'accept' ? { action: 'accept', content: { approve: true } } : { action: 'decline' };
}

async function firstGeneration() {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
  const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const mcp = new Client({ name: 'airlock-tests-v1', version: '1' }, { capabilities });
  if (ANSWER !== 'none') mcp.setRequestHandler(ElicitRequestSchema, user);
  const transport = new StdioClientTransport({ command, args, env });
  let version;
  transport.setProtocolVersion = negotiated => {
    version = negotiated;
  };
  await mcp.connect(transport, { timeout: PATIENCE });
  return { mcp, version: () => version, call: params => mcp.callTool(params, undefined, { timeout: PATIENCE }) };
}

async function secondGeneration() {
  const { Client } = await import('@modelcontextprotocol/client');
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  const versionNegotiation = mode === 'default' ? undefined : { mode: mode === 'auto' ? mode : { pin: mode } };
  const mcp = new Client({ name: 'airlock-tests-v2', version: '1' }, { capabilities, versionNegotiation });
  if (ANSWER !== 'none') mcp.setRequestHandler('elicitation/create', user);
  await mcp.connect(new StdioClientTransport({ command, args, env }), { timeout: PATIENCE });
  return { mcp, version: () => mcp.getNegotiatedProtocolVersion(), call: params => mcp.callTool(params, { timeout: PATIENCE }) };
}

const client = await (mode === 'v1' ? firstGeneration() : secondGeneration());
const _meta = { 'dev.airlock/lease': process.env.AIRLOCK_LEASE, 'dev.airlock/session': 's-1', 'dev.airlock/intent': 'look at the weather' };
const call = () => client.call({ name: 'http_get_json', arguments: { url: 'https://api.open-meteo.com/approved' }, _meta });
/** What an approver does at another desk. */
const sign = (request, file) =>
  execFileSync(process.env.AIRLOCK_CLI, ['approve', '--key-file', file], { input: request, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] }).trim();
let reply;
try {
  let result = await call();
  const request = result.structuredContent?.approval_request;
  if (request && process.env.AIRLOCK_SIGNERS) {
    _meta['dev.airlock/approvals'] = process.env.AIRLOCK_SIGNERS.split(':').map(file => sign(request, file));
    result = await call();
  }
  reply = { result };
} catch (error) {
  if (typeof error.code !== 'number') throw error;
  reply = { error: { code: error.code, message: error.message, data: error.data } };
}
// The connection is in order whatever the user did.
const tools = (await client.mcp.listTools()).tools.map(tool => tool.name);
process.stdout.write(JSON.stringify({ version: client.version(), asked, reply, tools }));
await client.mcp.close();
process.exit(0);
