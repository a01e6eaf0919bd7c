// Makes calls through the official TypeScript client and prints what came back, as one JSON value.
//
//     node compare.mjs auto|default|2026-07-28 COMMAND [ARGUMENT ...]
//
// The environment is that of compare.py.

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

/** Longest wait for one reply, milliseconds: far beyond what any step takes. */
const PATIENCE = 30_000;

const [mode, command, ...args] = process.argv.slice(2);
const passed = ([name]) => name.startsWith('AIRLOCK_') || name === 'MEMORY_FILE_PATH';
const env = Object.fromEntries(Object.entries(process.env).filter(passed));
const versionNegotiation = mode === 'default' ? undefined : { mode: mode === 'auto' ? mode : { pin: mode } };
const client = new Client({ name: 'airlock-tests-compare', version: '1' }, { versionNegotiation });
await client.connect(new StdioClientTransport({ command, args, env }), { timeout: PATIENCE });

const lease = process.env.AIRLOCK_LEASE;
const meta = lease && { 'dev.airlock/lease': lease, 'dev.airlock/session': 's-1', 'dev.airlock/intent': 'look at the weather' };
const replies = [];
for (const { tool, arguments: args } of JSON.parse(process.env.AIRLOCK_CALLS)) {
  try {
    replies.push(await client.callTool({ name: tool, arguments: args, ...(meta && { _meta: meta }) }, { timeout: PATIENCE }));
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    replies.push({ error: error.code });
  }
}
await client.close();
process.stdout.write(JSON.stringify(replies));
