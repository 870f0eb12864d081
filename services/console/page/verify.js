// Verification of an exported trail's hash chain: SHA-256 over the previous hash and the exact bytes of each body.

const kLine = /^\{"sequence":(\d+),"hash":"([0-9a-f]{64})","body":/;
const kFirstLine = /^\{"evidence":1,"owner":"([^"]*)"\}$/;

const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

// Returns {acts, head, findings}; `text` is the complete file of ExportEvidence for `owner`.
export async function verifyChain(text, owner) {
  const encoder = new TextEncoder();
  const findings = [];
  let before = new Uint8Array(32), acts = 0;
  const [first, ...lines] = text.split('\n');
  if (lines.pop() !== '') findings.push('the last line is not ended; the file may have been cut');
  if (kFirstLine.exec(first)?.[1] !== owner) findings.push(`line 1: this is not the evidence of ${owner}`);
  for (const line of lines) {
    const found = kLine.exec(line);
    if (!found || !line.endsWith('}')) {
      findings.push(`line ${acts + 2}: not an act`);
      break;
    }
    acts += 1;
    const [prefix, sequence, told] = found;
    const body = encoder.encode(line.slice(prefix.length, -1));
    const linked = new Uint8Array(32 + body.length);
    linked.set(before);
    linked.set(body, 32);
    before = new Uint8Array(await crypto.subtle.digest('SHA-256', linked));
    if (Number(sequence) !== acts) findings.push(`act ${sequence} is in the place of act ${acts}`);
    if (toHex(before) !== told) {
      findings.push(`act ${sequence}: the hash does not match the previous hash and the body`);
      break;  // Later links cannot match either.
    }
  }
  return {acts, head: toHex(before), findings};
}
