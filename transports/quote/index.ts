export { QuoteError, quoteArgv, quoteEnv, quoteWord } from "./quote.ts";
