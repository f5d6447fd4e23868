#!/usr/bin/env node
// The SDK would tell everybody on Node 20 what only we can act on: its version is pinned.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
await import("../dist/cli.js");
