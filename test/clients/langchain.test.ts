/** LangChain's packages resolve their files in a way that the test runner's module hooks break, so their test runs in a process without them. */
import { join } from 'node:path'
import t from 'tap'

await t.spawn(process.execPath, [join(import.meta.dirname, 'langchain-session.js')], {}, 'LangChain')
