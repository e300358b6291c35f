// The form of a model that lies in the database. What is secret is never shown: left empty, it stays as it is.
import { edited, form } from "./dialog.js";
import { t } from "./words.js";

const NUMBERS = ["rpm", "tpm", "max_parallel_requests", "timeout", "weight"];
const SECRETS = ["aws_access_key_id", "aws_secret_access_key"];
const OWN = ["model", "aws_region_name", ...NUMBERS, ...SECRETS];

function fields(name, params, info) {
  const rest = Object.fromEntries(Object.entries(params).filter(([key]) => !OWN.includes(key) && key !== "custom_llm_provider"));
  return [
    { name: "model_name", label: t("model.name"), value: name, required: true, hint: t("model.name.hint") },
    { name: "model", label: t("model.upstream"), value: params.model, required: true, placeholder: "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0" },
    { name: "aws_region_name", label: t("model.region"), value: params.aws_region_name, placeholder: "us-east-1" },
    { name: "base_model", label: t("model.base_model"), value: info.base_model, hint: t("model.base_model.hint") },
    ...SECRETS.map(key => ({ name: key, label: t(`model.${key}`), kind: "password", hint: t("model.secret.hint") })),
    ...NUMBERS.map(key => ({ name: key, label: t(`model.${key}`), kind: "number", value: params[key] })),
    { name: "rest", label: t("model.rest"), kind: "json", value: Object.keys(rest).length ? rest : "", hint: t("model.rest.hint") },
  ];
}

const parts = ({ model_name, base_model, rest, ...params }) => ({ model_name, base_model, rest: rest ?? {}, params });

export function createModel(save) {
  form(t("models.create"), fields("", {}, {}), t("create"), (values, close) => {
    const { model_name, base_model, rest, params } = parts(values);
    return save({ model_name, litellm_params: { ...rest, ...params }, model_info: { base_model } }, close);
  });
}

export function editModel(model, save) {
  const old = model.litellm_params, info = model.model_info;
  form(t("models.edit"), fields(model.model_name, old, info), t("save"), (values, close) => {
    const { model_name, base_model, rest, params } = parts(values);
    const gone = Object.keys(old).filter(key => !OWN.includes(key) && key !== "custom_llm_provider" && !(key in rest));
    return save({ model_name, litellm_params: { ...Object.fromEntries(gone.map(key => [key, null])), ...rest, ...edited(old, params) },
      model_info: { id: info.id, ...edited(info, { base_model }) } }, close);
  });
}
