// The API, from its .proto files. Needs `npm install @grpc/grpc-js @grpc/proto-loader`.
'use strict';
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const PROTO = path.join(__dirname, '../../proto');
const files = ['capacity_request_service', 'offer_service'].map((name) => `capbroker/v1/${name}.proto`);
// Fields as the .proto files spell them, 64-bit numbers as text, enums by name.
const definition = loader.loadSync([...files, 'google/rpc/error_details.proto', 'google/rpc/status.proto'],
  {includeDirs: [PROTO], keepCase: true, longs: String, enums: String, defaults: true});

// The message of this type that the bytes are.
const decode = (type, bytes) => {
  const {format, ...parts} = definition[type];
  return parts.deserialize(bytes);
};

module.exports = {api: grpc.loadPackageDefinition(definition).capbroker.v1, decode};
