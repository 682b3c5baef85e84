-- Health of every kind of attune.dev for Argo CD: Ready, Reconciling and Stalled say the same on all of them.
-- Put it under `resource.customizations.health.attune.dev_<Kind>` of the ConfigMap argocd-cm (docs/operations.md).
local health = {}

if obj.metadata ~= nil and obj.metadata.deletionTimestamp ~= nil then
  health.status = "Progressing"
  health.message = "it is being deleted"
  return health
end

local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration == nil then
  health.status = "Progressing"
  health.message = "the operator has not looked at it yet"
  return health
end
if obj.metadata.generation ~= nil and status.observedGeneration ~= obj.metadata.generation then
  health.status = "Progressing"
  health.message = "the operator has not looked at the latest change yet"
  return health
end

local found = {}
for _, condition in ipairs(status.conditions) do
  found[condition.type] = condition
end

local function says(condition)
  if condition.message ~= nil and condition.message ~= "" then
    return condition.reason .. ": " .. condition.message
  end
  return condition.reason
end

if found.Stalled ~= nil and found.Stalled.status == "True" then
  health.status = "Degraded"
  health.message = says(found.Stalled)
elseif found.Reconciling ~= nil and found.Reconciling.status == "True" then
  health.status = "Progressing"
  health.message = says(found.Reconciling)
elseif found.Ready ~= nil and found.Ready.status == "True" then
  if obj.spec ~= nil and obj.spec.suspend == true then
    health.status = "Suspended"
    health.message = "it is suspended: `spec.suspend` is true"
  else
    health.status = "Healthy"
    health.message = says(found.Ready)
  end
else
  health.status = "Progressing"
  health.message = found.Ready ~= nil and says(found.Ready) or "the operator has not judged it yet"
end
return health
