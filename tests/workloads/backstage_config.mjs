// node backstage_config.mjs FOLDER FILE: what Backstage's own packages in FOLDER/node_modules read from a configuration
// file and this process's environment, as JSON, once the schema that those packages publish accepts it. The provider
// `awsalb` publishes none: its own code reads the values that it takes.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, file] = process.argv.slice(2);
const load = createRequire(join(folder, "package.json"));
const { ConfigSources, loadConfigSchema } = load("@backstage/config-loader");

const source = ConfigSources.default({ rootDir: folder, watch: false, argv: ["--config", file] });
const { value: read } = await source.readConfigData({}).next();
const schema = await loadConfigSchema({ dependencies: [], packagePaths: [join(folder, "package.json")] });
schema.process(read.configs);

const config = await ConfigSources.toConfig(source);
const { awsAlbAuthenticator } = load("@backstage/plugin-auth-backend-module-aws-alb-provider");
const { issuer, signer } = awsAlbAuthenticator.initialize({ config: config.getConfig("auth.providers.awsalb") });
console.log(JSON.stringify({ ...config.get(), signIn: { issuer, signer } }));
process.exit();
