// Runs the steps of session.json through an official TypeScript client and prints what it was told, as one JSON value.
//
//     node v1.mjs|v2.mjs MODE COMMAND [ARGUMENT ...]
//
// The environment is that of session.py. What differs between the two packages is in v1.mjs and v2.mjs.

import { readFileSync } from 'node:fs';

const session = JSON.parse(readFileSync(new URL('session.json', import.meta.url), 'utf8'));
session.session = process.env.AIRLOCK_SESSION;

/** Longest wait for one reply, milliseconds: far beyond what any step takes. */
export const PATIENCE = 30_000;

/** What a transport needs to start the gateway. */
export function gateway() {
  const [command, ...args] = process.argv.slice(3);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('AIRLOCK_')));
  return { command, args, env };
}

/** Parameters of a call. */
function request(step, leases, more = {}) {
  const fill = (key, value) =>
    typeof value === 'string' ? value.replaceAll('{session}', session.session).replaceAll('{intent}', session.intent) : value;
  const args = { ...JSON.parse(JSON.stringify(step.arguments), fill), ...more };
  const context = { session_id: step.session ?? session.session, intent: step.intent ?? session.intent };
  let lease = leases[step.lease];
  if (lease && step.spoil) {
    const middle = Math.floor(lease.length / 2);
    lease = lease.slice(0, middle) + (lease[middle] === 'A' ? 'B' : 'A') + lease.slice(middle + 1);
  }
  const params = { name: step.tool, arguments: args };
  if (step.carry === 'meta') {
    params._meta = { 'dev.airlock/lease': lease, 'dev.airlock/session': context.session_id, 'dev.airlock/intent': context.intent };
  } else if (step.carry === 'arguments') {
    Object.assign(args, { _capability: lease, _context: context });
  }
  return params;
}

/** One call and what came back, result or protocol error. */
async function told(reply) {
  try {
    return { result: await reply };
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    return { error: { code: error.code, message: error.message, data: error.data } };
  }
}

async function perform(client, step, leases) {
  const options = { timeout: PATIENCE };
  switch (step.do) {
    case 'negotiate':
      return {
        version: client.version(),
        server: client.mcp.getServerVersion().name,
        instructions: client.mcp.getInstructions(),
        capabilities: client.mcp.getServerCapabilities(),
      };
    case 'list':
      return { tools: (await client.mcp.listTools()).tools };
    case 'call': {
      const reply = await told(client.call(request(step, leases), options));
      if (step.save) leases[step.save] = reply.result.structuredContent.lease;
      return reply;
    }
    case 'together':
      return { replies: await Promise.all(step.hours.map(hours => told(client.call(request(step, leases, { hours }), options)))) };
    case 'cancel': {
      const giveUp = new AbortController();
      const pending = client.call(request(step, leases), { ...options, signal: giveUp.signal });
      setTimeout(() => giveUp.abort('given up'), 200);
      return pending.then(result => ({ result }), () => ({ cancelled: giveUp.signal.aborted }));
    }
    default:
      throw new Error(`unknown step ${step.do}`);
  }
}

/** Connects, performs every step in order, disconnects and prints the account. */
export async function run(client) {
  await client.connect();
  const leases = { operator: process.env.AIRLOCK_OPERATOR_LEASE };
  const account = [];
  for (const step of session.steps) {
    account.push({ step: step.label ?? step.do, ...(await perform(client, step, leases)) });
  }
  await client.mcp.close();
  process.stdout.write(JSON.stringify(account));
}
