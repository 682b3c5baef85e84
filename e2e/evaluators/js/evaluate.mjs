// Asks the stock evaluator of flagd for JavaScript, and compares it with what our engine answered.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { FlagdCore } from "@openfeature/flagd-core";

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const NOTHING = { nothing: true };

/** Whether an evaluation is the answer: the variant under its own label, and the same words. */
function agrees(evaluated, answer) {
  if (answer === null) return evaluated.value === NOTHING && evaluated.errorCode === undefined;
  const variant = evaluated.variant?.split(/[@~]/)[0];
  return variant === answer.variant && isDeepStrictEqual(evaluated.value, answer.value);
}

let cases = 0, instead = 0, wrong = 0;
for (const file of process.argv.slice(2)) {
  const document = JSON.parse(readFileSync(file, "utf8"));
  const core = new FlagdCore(undefined, quiet);
  core.setConfigurations(JSON.stringify(document.flags));
  for (const one of document.cases) {
    cases += 1;
    // A touchpoint that shows nothing to anybody is no flag.
    if (!(one.flag in document.flags.flags)) {
      wrong += one.answer === null ? 0 : 1;
      continue;
    }
    const evaluated = core.resolveObjectEvaluation(one.flag, NOTHING, one.context, quiet);
    if (agrees(evaluated, one.answer)) continue;
    if ("baseline" in one && agrees(evaluated, one.baseline)) {
      instead += 1;
      continue;
    }
    if (++wrong <= 5) console.error(file, JSON.stringify(one), JSON.stringify(evaluated));
  }
}
console.log(`js: ${cases} answers, ${instead} of them the baseline for what is refused, ${wrong} wrong`);
process.exit(wrong === 0 ? 0 : 1);
