// The telegram-test-api package as a server: `node telegram_test_api.mjs FOLDER_OF_NODE_MODULES PORT`.
import { createRequire } from "node:module";

const [folder, port] = process.argv.slice(2);
const loaded = createRequire(`${folder}/`)("telegram-test-api");
const Server = loaded.TelegramServer ?? loaded.default ?? loaded;
const server = new Server({ port: Number(port), host: "127.0.0.1", storage: "RAM", storeTimeout: 60 });
await server.start();
console.log("ready");
