// Tests that begin anew where the driver of the browser is at fault.

import { test } from 'node:test'

/** How often a scenario may begin. */
const BEGINNINGS = 3

/** WebKit's driver leaves a command unanswered now and then, which says nothing of the engine: the scenario begins anew. */
const isUnanswered = error => [error?.name, error?.cause?.name].includes('TimeoutError')

/** Tests whose `after` runs at the end of each of their beginnings, and `reset` behind it. */
export const scenarios = reset => (name, run) =>
  test(name, async t => {
    for (let beginning = 1; ; beginning++) {
      const ends = []
      try {
        return await run({ after: end => ends.push(end), diagnostic: text => t.diagnostic(text) })
      } catch (error) {
        if (beginning === BEGINNINGS || !isUnanswered(error)) throw error
        t.diagnostic(`the driver did not answer; beginning ${beginning + 1}`)
      } finally {
        // A browser that does not end either is the driver's affair.
        for (const end of ends.reverse()) await Promise.resolve(end()).catch(() => {})
        await reset()
      }
    }
  })
