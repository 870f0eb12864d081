// Client of the broker's JSON gateway: calls and streams.

const kSilence = 25_000;  // ms. The broker sends a keepalive every 10 s; after this time the connection counts as dead.

export const token = {
  get: () => sessionStorage.getItem('token') ?? '',
  set: (value) => sessionStorage.setItem('token', value),
  forget: () => sessionStorage.clear(),
};

// A google.rpc.Status, parsed. `code` 0: the broker was not reached.
export class Refusal extends Error {
  constructor(http, status) {
    super(status.message || `the broker answered ${http}`);
    const detail = (type) => (status.details ?? []).find((d) => d['@type'].endsWith(type)) ?? {};
    this.http = http;
    this.code = status.code ?? 0;
    this.reason = detail('.ErrorInfo').reason ?? '';
    this.facts = detail('.ErrorInfo').metadata ?? {};
    this.fields = detail('.BadRequest').fieldViolations ?? [];
  }

  // Whether the outcome is unknown: a repeat with the same idempotency key is safe.
  get isOpen() { return this.http === 0 || this.http === 503 || this.http === 504; }
}

async function refusalOf(response) {
  const text = await response.text();
  try {
    return new Refusal(response.status, JSON.parse(text));
  } catch {
    return new Refusal(response.status, {});
  }
}

async function reach(path, options) {
  try {
    return await fetch(path, {...options, headers: {...options.headers, Authorization: `Bearer ${token.get()}`}});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0, {message: 'the broker cannot be reached'});
  }
}

// One unary call: call('OfferService/GetOffer', {name}).
export async function call(method, body = {}, signal) {
  const response = await reach(`/api/${method}`,
    {method: 'POST', body: JSON.stringify(body), headers: {'Content-Type': 'application/json'}, signal});
  if (!response.ok) throw await refusalOf(response);
  return response.json();
}

// All pages of a list, up to `most` items, which are in the field `items`.
export async function list(method, body, items, most = 1000, signal) {
  const all = [];
  let pageToken = '';
  do {
    const page = await call(method, {...body, pageSize: Math.min(most - all.length, 200), pageToken}, signal);
    all.push(...(page[items] ?? []));
    pageToken = page.nextPageToken ?? '';
  } while (pageToken !== '' && all.length < most);
  return {items: all, isAll: pageToken === ''};
}

// The messages of one stream until its end; throws a Refusal if the stream ends with an error.
export async function* messages(method, body, signal) {
  const line = new AbortController();
  const stop = () => line.abort();
  signal?.addEventListener('abort', stop);
  let watchdog;
  const heard = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(stop, kSilence);
  };
  try {
    heard();
    const query = new URLSearchParams({body: JSON.stringify(body)});
    const response = await reach(`/events/${method}?${query}`, {signal: line.signal});
    if (!response.ok) throw await refusalOf(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      let piece;
      try {
        piece = await reader.read();
      } catch {
        throw new Refusal(0, {message: 'the connection to the broker broke'});
      }
      if (piece.done) throw new Refusal(0, {message: 'the connection to the broker broke'});
      heard();
      text += piece.value;
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const event = text.slice(0, end);
        const data = event.slice(event.indexOf('data: ') + 6);
        if (event.startsWith('event: end')) {
          const status = JSON.parse(data);
          if (status.code) throw new Refusal(503, status);
          return;
        }
        if (event.startsWith('data: ')) yield JSON.parse(data);
      }
    }
  } finally {
    clearTimeout(watchdog);
    signal?.removeEventListener('abort', stop);
    stop();
  }
}
