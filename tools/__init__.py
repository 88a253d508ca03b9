"""The tools: one file = one public async function = one MCP tool of that name.

The files of this folder are the core; each folder in it is a group, which `BAILIAN_TOOLS` adds.

A tool file holds, in this order: a one-line docstring; its result model, if `Completion` is not enough; `ANNOTATIONS`
(all hints explicit); `EXAMPLE` (arguments the demo and the tests call it with); the function. Its first parameter is
`call: BoundCall`, every other one is described, its docstring is what the model reads, its return type is
`Annotated[CallToolResult, <result model>]`. Beside it: its row in Chinese in `docs/zh.toml`, and its test.
"""
