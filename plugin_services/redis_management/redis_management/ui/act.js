// What several views do: ask, do, say.

/** Asks first where there are `words`; says what went wrong, or that it is done, and goes on. */
export async function act(page, { words, accept, work, done, then }) {
  if (words && !(await page.sure(words, accept))) return;
  try {
    const outcome = await work();
    page.done(done);
    then?.(outcome);
  } catch (error) {
    page.failed(error);
  }
}
