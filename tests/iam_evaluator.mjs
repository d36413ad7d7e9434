// Answers a list of requests with IAM's verdict, by @cloud-copilot/iam-simulate: reads JSON from stdin, writes JSON.
// A request: {policy, action, resource, context}, and where they matter {boundary, resourcePolicy, account, principal}.
// An answer: true, false, or the text of an error.
import { runSimulation } from '@cloud-copilot/iam-simulate'

let text = ''
for await (const chunk of process.stdin) text += chunk
const everything = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }
const answers = []
for (const request of JSON.parse(text)) {
  const { policy, boundary, action, resource, context, resourcePolicy, account = '123456789012' } = request
  const { principal = `arn:aws:iam::${account}:role/app` } = request
  const response = await runSimulation(
    {
      identityPolicies: [{ name: 'it', policy }],
      serviceControlPolicies: [{ orgIdentifier: 'r-1', policies: [{ name: 'all', policy: everything }] }],
      resourceControlPolicies: [],
      ...(boundary ? { permissionBoundaryPolicies: [{ name: 'limit', policy: boundary }] } : {}),
      ...(resourcePolicy ? { resourcePolicy } : {}),
      request: {
        action,
        principal,
        resource: { resource, accountId: account },
        contextVariables: context
      }
    },
    {}
  )
  answers.push(
    response.resultType === 'error' ? JSON.stringify(response.errors) : response.overallResult === 'Allowed'
  )
}
process.stdout.write(JSON.stringify(answers))
