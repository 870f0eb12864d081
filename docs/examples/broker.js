// What both Node clients share: flags, a channel, safe calls, a watch that resumes, and errors in one line.
'use strict';
const fs = require('fs');
const {parseArgs} = require('util');
const grpc = require('@grpc/grpc-js');
const {api, decode} = require('./api.js');

const AGAIN = [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED, grpc.status.DEADLINE_EXCEEDED];

// The google.rpc detail of this type that came with the error; undefined where there is none.
function detailOf(error, type) {
  for (const bytes of error.metadata?.get('grpc-status-details-bin') ?? []) {
    for (const packed of decode('google.rpc.Status', bytes).details) {
      if (packed.type_url.endsWith(`/${type}`)) return decode(type, packed.value);
    }
  }
}

// One line: the code, the reason, each field at fault, else the message.
function lineOf(error) {
  const reason = detailOf(error, 'google.rpc.ErrorInfo')?.reason;
  const fields = detailOf(error, 'google.rpc.BadRequest')?.field_violations ?? [];
  const what = fields.map((one) => `${one.field}: ${one.description}`).join('; ') || error.details || error.message;
  return [grpc.status[error.code], reason].filter(Boolean).join(' ') + ': ' + what;
}

// As long as the broker says (RetryInfo), else a second.
function pauseAfter(error) {
  const delay = detailOf(error, 'google.rpc.RetryInfo')?.retry_delay;
  const wait = delay ? Number(delay.seconds) * 1000 + delay.nanos / 1e6 : 0;
  return new Promise((resume) => setTimeout(resume, wait || 1000));
}

// The program's flags, those of the connection among them.
const flagsOf = (options) => parseArgs({options: {
  target: {type: 'string', default: '127.0.0.1:7420'},
  'token-file': {type: 'string'},
  'tls-ca': {type: 'string'},  // The CA's certificate; without it plain text, to this machine.
  ...options,
}}).values;

// A client of one service. Plain text reaches only a broker on this machine; elsewhere give the CA's certificate.
class Broker {
  constructor(service, {target, 'token-file': tokenFile, 'tls-ca': caFile}) {
    this.metadata = new grpc.Metadata();
    this.metadata.set('authorization', 'Bearer ' + fs.readFileSync(tokenFile, 'utf8').trim());
    const credentials = caFile ? grpc.credentials.createSsl(fs.readFileSync(caFile)) : grpc.credentials.createInsecure();
    this.stub = new api[service](target, credentials);
  }

  // One call with a deadline. No answer is no refusal: the same message, with the same request_id, again.
  async call(method, message, {seconds = 5, tries = 6} = {}) {
    for (;;) {
      try {
        return await new Promise((resolve, reject) => this.stub[method](message, this.metadata,
          {deadline: Date.now() + 1000 * seconds}, (error, answer) => (error ? reject(error) : resolve(answer))));
      } catch (error) {
        if (!AGAIN.includes(error.code) || --tries === 0) throw error;
        await pauseAfter(error);
      }
    }
  }

  // The messages of a watch, for ever: after a break it watches again, and what is present comes again.
  async *watch(method, message) {
    for (;;) {
      try {
        yield* this.stub[method](message, this.metadata);
      } catch (error) {
        if (!AGAIN.includes(error.code)) throw error;
        console.error(`watching again after ${lineOf(error)}`);
        await pauseAfter(error);
      }
    }
  }

  close() {
    this.stub.close();
  }
}

// Runs a program's main part; what the broker refused is one line, and exit code 1.
function main(name, run) {
  run().then((code) => process.exit(code ?? 0), (error) => {
    console.error(`${name}: ${error.code === undefined || !error.metadata ? error.message : lineOf(error)}`);
    process.exit(1);
  });
}

module.exports = {Broker, flagsOf, lineOf, main, status: grpc.status};
