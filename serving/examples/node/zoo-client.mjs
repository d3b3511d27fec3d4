// A REST client for Node 18 and later, on the built-in fetch, without dependencies or a build step.
// zoo-client.d.mts declares its types.

/** The server refused the request. `httpStatus` is its HTTP status. */
export class PredictionError extends Error {
  constructor(message, httpStatus) {
    super(`HTTP ${httpStatus}: ${message}`);
    this.name = "PredictionError";
    this.httpStatus = httpStatus;
  }
}

/** The model reported an error for some rows. `errors` maps row indices to messages. */
export class RowError extends Error {
  constructor(errors) {
    super([...errors].map(([row, message]) => `row ${row}: ${message}`).join("; "));
    this.name = "RowError";
    this.errors = errors;
  }
}

/** A client of a server's REST API. */
export class ZooClient {
  #address;
  #headers;
  #timeoutSeconds;
  #maxRetries;

  constructor(address = "http://localhost:8501", { apiKey, timeoutSeconds = 60, maxRetries = 3 } = {}) {
    this.#address = address.replace(/\/+$/, "");
    this.#headers = { "content-type": "application/json", ...(apiKey && { authorization: `Bearer ${apiKey}` }) };
    this.#timeoutSeconds = timeoutSeconds;
    this.#maxRetries = maxRetries;
  }

  /** Enlarges PNG or JPEG photos, each of its own size; returns PNGs in the same order. */
  async upscale(photos, model = "fsrcnn_x3") {
    const outputs = await this.predict(model, "upscale_png", { image_bytes: photos.map(toBase64) });
    return outputs.image_bytes.map(fromBase64);
  }

  /** Generates pictures, always the same ones for the same seeds; returns PNGs. */
  async generate(seeds, attributes = { category: "" }, model = "dcgan") {
    const wrong = seeds.find((seed) => !Number.isSafeInteger(seed));
    if (wrong !== undefined) {
      throw new RangeError(`A seed must be a whole number below 2 ** 53. Received: ${wrong}.`);
    }
    const columns = Object.entries(attributes).map(([name, value]) => [name, seeds.map(() => value)]);
    const inputs = { seed: seeds, ...Object.fromEntries(columns) };
    return (await this.predict(model, "generate_png", inputs)).image_bytes.map(fromBase64);
  }

  /** Calls a signature; inputs and outputs are columns by name, bytes as { b64 }. */
  async predict(model, signature, inputs) {
    const url = `${this.#address}/v1/models/${encodeURIComponent(model)}:predict`;
    const { outputs } = await this.#post(url, JSON.stringify({ signature_name: signature, inputs }));
    const errors = outputs.error?.map((message, row) => [row, message]).filter(([, message]) => message);
    if (errors?.length) throw new RowError(new Map(errors));
    return outputs;
  }

  async #post(url, body) {
    const signal = AbortSignal.timeout(1000 * this.#timeoutSeconds);
    for (let retry = 0; ; retry++) {
      let failure;
      try {
        const response = await fetch(url, { method: "POST", headers: this.#headers, body, signal });
        const text = await response.text();
        if (response.ok) return JSON.parse(text);
        failure = new PredictionError(errorMessage(text) ?? response.statusText, response.status);
        if (response.status !== 503) throw failure;
      } catch (error) {
        // fetch throws TypeError if the server is unreachable; any other error is final.
        if (!(error instanceof TypeError)) throw error;
        failure = new Error(`No server at ${this.#address} (${error.cause?.code ?? error.message}).`);
      }
      if (retry >= this.#maxRetries) throw failure;
      await pause(250 * 2 ** retry * (0.5 + Math.random() / 2), signal, failure);
    }
  }
}

function pause(milliseconds, signal, failure) {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(failure);
    if (signal.aborted) return giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    return setTimeout(() => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    }, milliseconds);
  });
}

function errorMessage(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return undefined;
  }
}

function toBase64(bytes) {
  // In steps, because a call accepts only a limited number of arguments.
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768) {
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  }
  return { b64: btoa(text) };
}

function fromBase64({ b64 }) {
  return Uint8Array.from(atob(b64), (character) => character.charCodeAt(0));
}
