import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkHarness } from '#test/support/network-harness.ts';
import type { Answer } from '#test/support/service-harness.ts';

const typeOf = (answer: Answer): [number, string] => [answer.status, answer.body.NeutronError.type];

test('keeps a description of an agent, and changes nothing else of it', async () => {
  await using net = await networkHarness();
  const [agent] = (await net.get('agents', 'admin')).body.agents;
  const put = async (attributes: object, token = 'admin'): Promise<Answer> =>
    net.call('PUT', `/v2.0/agents/${agent.id}`, { token, body: { agent: attributes } });
  const described = await put({ description: 'the second rack', admin_state_up: true });
  assert.equal(described.body.agent.description, 'the second rack');
  assert.equal((await net.get(`agents/${agent.id}`, 'admin')).body.agent.description, 'the second rack');
  assert.equal((await put({ admin_state_up: true })).body.agent.description, 'the second rack');
  assert.deepEqual(typeOf(await put({ admin_state_up: false })), [400, 'BadRequest']);
  assert.equal((await put({ host: 'x' })).status, 400);
  assert.equal((await put({ description: 'x' }, 'member')).status, 403);
});

test('removes the agent of a host that is gone, and none that lives', async () => {
  await using net = await networkHarness();
  const [agent] = net.northbound.agents();
  assert.ok(agent);
  const remove = async (token = 'admin'): Promise<Answer> =>
    net.call('DELETE', `/v2.0/agents/${agent.id}`, { token });
  assert.equal((await remove('member')).status, 403);
  assert.deepEqual(typeOf(await remove()), [409, 'AgentInUse']);
  let there = true;
  net.northbound.agents = () => (there ? [{ ...agent, alive: false }] : []);
  net.northbound.removeAgent = async (id) => {
    there = id !== agent.id;
  };
  assert.equal((await remove()).status, 204);
  assert.deepEqual(typeOf(await remove()), [404, 'AgentNotFound']);
});
