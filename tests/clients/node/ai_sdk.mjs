// The Vercel AI SDK. Prints what each scenario returned, as one JSON object.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [url, key] = process.argv.slice(2);
const provider = createOpenAICompatible({
  name: "penstock", baseURL: `${url}/v1`, apiKey: key, includeUsage: true, supportsStructuredOutputs: true,
});
const prompt = "how is the pump?";
const ask = (name, more = {}) => ({ model: provider(`openai/${name}`), prompt, maxRetries: 0, ...more });

const scenarios = {
  async chat() {
    const { text, usage } = await generateText(ask("say"));
    return { text, tokens: usage.totalTokens };
  },
  async stream() {
    const pieces = [];
    for await (const piece of streamText(ask("say")).textStream) pieces.push(piece);
    return { pieces };
  },
  async tools() {
    const called = [];
    const device_query = tool({
      inputSchema: jsonSchema({ type: "object", properties: { device: { type: "string" } } }),
      execute: async (input) => (called.push(input), "42"),
    });
    const result = streamText(ask("call", { tools: { device_query }, stopWhen: stepCountIs(3) }));
    return { text: await result.text, called: "device_query", with: called[0] };
  },
  async schema() {
    const { output } = await generateText(ask("json", { output: Output.object({ schema: z.object({ x: z.number() }) }) }));
    return output;
  },
  async embeddings() {
    const model = provider.embeddingModel("openai/text-embedding-fake");
    const { embeddings } = await embedMany({ model, values: ["a", "b"], maxRetries: 0 });
    return { vectors: embeddings.length, length: embeddings[0].length };
  },
  async error() {
    try {
      await generateText(ask("fail"));
    } catch (failure) {
      return { status: failure.statusCode, message: failure.message };
    }
  },
  async cancel() {
    const controller = new AbortController();
    for await (const first of streamText(ask("hang", { abortSignal: controller.signal })).textStream) {
      controller.abort();
      return { first };
    }
  },
};

const results = {};
for (const [name, run] of Object.entries(scenarios)) {
  try {
    results[name] = await run();
  } catch (failure) {
    results[name] = { failed: String(failure.stack ?? failure) };
  }
}
console.log(JSON.stringify(results));
process.exit(0);
