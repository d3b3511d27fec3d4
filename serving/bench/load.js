// The script that load_generator.py runs in k6: clients that each keep a connection repeat one request.
import grpc from 'k6/net/grpc';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const plan = JSON.parse(open(__ENV.PLAN));
const duration = `${plan.seconds}s`;
const failed = new Counter('failed');
const isGrpc = plan.protocol === 'grpc';
const latency = isGrpc ? 'grpc_req_duration' : 'http_req_duration';
const client = new grpc.Client();
if (isGrpc) {
  client.loadProtoset(plan.protoset);
}
let isConnected = false;

export const options = {
  summaryTrendStats: ['count', 'med', 'p(95)', 'p(99)', 'max'],
  scenarios: {
    load: plan.rate
      ? {
          executor: 'constant-arrival-rate',
          rate: Math.max(1, Math.round(plan.rate * 10)),
          timeUnit: '10s',
          duration,
          preAllocatedVUs: plan.clients,
        }
      : { executor: 'constant-vus', vus: plan.clients, duration },
  },
};

export default function () {
  const error = isGrpc ? predict() : post();
  if (error) {
    failed.add(1);
    console.error(error);
  }
}

function predict() {
  if (!isConnected) {
    // The limits exceed any message; the defaults are a few MiB.
    client.connect(plan.target, { plaintext: true, maxReceiveSize: 2 ** 31 - 1, maxSendSize: 2 ** 31 - 1 });
    isConnected = true;
  }
  const answer = client.invoke('tensorflow.serving.PredictionService/Predict', plan.request, {
    discardResponseMessage: true,
  });
  return answer.status === grpc.StatusOK ? '' : `${answer.status} ${answer.error && answer.error.message}`;
}

function post() {
  const answer = http.post(plan.target, plan.request);
  return answer.status === 200 ? '' : `HTTP ${answer.status} ${answer.error || answer.body}`;
}

export function handleSummary(data) {
  const values = (name) => (data.metrics[name] ? data.metrics[name].values : {});
  return {
    stdout: JSON.stringify({
      latency: values(latency),
      failed: values('failed').count || 0,
      dropped: values('dropped_iterations').count || 0,
      seconds: data.state.testRunDurationMs / 1000,
    }),
  };
}
