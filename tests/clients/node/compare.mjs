// Makes calls through an official TypeScript client and prints what came back, as one JSON value.
//
//     node compare.mjs v1|auto|default|2026-07-28 COMMAND [ARGUMENT ...]
//
// `v1` is the first generation of the client, the others are ways in which the second one negotiates. The environment is that of compare.py.

/** Longest wait for one reply, milliseconds: far beyond what any step takes. */
const PATIENCE = 30_000;

const [mode, command, ...args] = process.argv.slice(2);
const passed = ([name]) => name.startsWith('AIRLOCK_') || name === 'MEMORY_FILE_PATH';
const env = Object.fromEntries(Object.entries(process.env).filter(passed));
const server = { command, args, env };

async function firstGeneration() {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
  const client = new Client({ name: 'airlock-tests-compare-v1', version: '1' });
  await client.connect(new StdioClientTransport(server), { timeout: PATIENCE });
  return { call: params => client.callTool(params, undefined, { timeout: PATIENCE }), close: () => client.close() };
}

async function secondGeneration() {
  const { Client } = await import('@modelcontextprotocol/client');
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  const versionNegotiation = mode === 'default' ? undefined : { mode: mode === 'auto' ? mode : { pin: mode } };
  const client = new Client({ name: 'airlock-tests-compare', version: '1' }, { versionNegotiation });
  await client.connect(new StdioClientTransport(server), { timeout: PATIENCE });
  return { call: params => client.callTool(params, { timeout: PATIENCE }), close: () => client.close() };
}

const client = await (mode === 'v1' ? firstGeneration() : secondGeneration());
const lease = process.env.AIRLOCK_LEASE;
const meta = lease && { 'dev.airlock/lease': lease, 'dev.airlock/session': 's-1', 'dev.airlock/intent': 'look at the weather' };
const replies = [];
for (const { tool, arguments: args } of JSON.parse(process.env.AIRLOCK_CALLS)) {
  try {
    replies.push(await client.call({ name: tool, arguments: args, ...(meta && { _meta: meta }) }));
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    replies.push({ error: error.code });
  }
}
await client.close();
process.stdout.write(JSON.stringify(replies));
