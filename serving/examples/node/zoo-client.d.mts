export interface ClientOptions {
  /** Sent as the header Authorization: Bearer KEY. */
  apiKey?: string;
  /** Time limit of one call, including retries. 60 by default. */
  timeoutSeconds?: number;
  /** Number of retries while the server is unreachable or answers 503. 3 by default. */
  maxRetries?: number;
}

/** Bytes in the REST API's notation. */
export interface Base64 {
  b64: string;
}

/** Numbers, strings, bytes or nested lists of them. */
export type Value = number | string | boolean | Base64 | Value[];

/** The server refused the request. */
export class PredictionError extends Error {
  constructor(message: string, httpStatus: number);
  readonly httpStatus: number;
}

/** The model reported an error for some rows. */
export class RowError extends Error {
  constructor(errors: Map<number, string>);
  readonly errors: Map<number, string>;
}

/** A client of a server's REST API. */
export class ZooClient {
  /** @param address "http://localhost:8501" by default. */
  constructor(address?: string, options?: ClientOptions);

  /** Enlarges PNG or JPEG photos, each of its own size; returns PNGs in the same order. */
  upscale(photos: Uint8Array[], model?: string): Promise<Uint8Array[]>;

  /**
   * Generates pictures, always the same ones for the same seeds; returns PNGs.
   * @param attributes e.g. { category: "bag" }; "" draws a value at random.
   */
  generate(seeds: number[], attributes?: Record<string, string>, model?: string): Promise<Uint8Array[]>;

  /** Calls a signature; inputs and outputs are columns by name. */
  predict(model: string, signature: string, inputs: Record<string, Value[]>): Promise<Record<string, any[]>>;
}
