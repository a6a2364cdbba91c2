// What jose says of tokens. The first line that comes in is the policy of each kind of token, every other line a kind and a
// token in base64; what goes out is one character a token: 1 where it is accepted, 0 where it is refused.

import { createSecretKey } from 'node:crypto';
import { createInterface } from 'node:readline';
import { jwtVerify } from 'jose';

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })[Symbol.asyncIterator]();
const policies = JSON.parse((await lines.next()).value);
for (const policy of Object.values(policies)) {
  policy.key = createSecretKey(policy.secret, 'utf8');
  policy.options = {
    algorithms: ['HS256'],
    audience: policy.audience,
    clockTolerance: policy.leeway,
    currentDate: new Date(policy.now * 1000),
    issuer: policy.issuer,
    maxTokenAge: policy.lifetime,
    requiredClaims: ['sub', 'sid', 'auth_time', 'exp'],
    typ: policy.typ,
  };
}

let verdicts = '';
for await (const line of lines) {
  const [kind, encoded] = line.split(' ');
  const token = Buffer.from(encoded, 'base64').toString('latin1');
  try {
    await jwtVerify(token, policies[kind].key, policies[kind].options);
    verdicts += '1';
  } catch (error) {
    // Whatever is no refusal is a mistake of this script.
    if (!error.code?.startsWith('ERR_J')) throw error;
    verdicts += '0';
  }
}
process.stdout.write(verdicts);
