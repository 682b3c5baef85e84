// luahealth runs the health scripts of Argo CD in the interpreter it uses.
module attune.dev/e2e/cluster/tools/luahealth

go 1.26.0

require github.com/yuin/gopher-lua v1.1.2
