#include "services/observability/families.h"

namespace capbroker {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily MakeFamily(const std::string& name, const std::string& help, MetricType type) {
  return {name, help, type, {}};
}

ClientMetric& AddMetric(MetricFamily& family, const Labels& labels) {
  ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

void AddCounter(MetricFamily& family, const Labels& labels, double value) {
  AddMetric(family, labels).counter.value = value;
}

void AddGauge(MetricFamily& family, const Labels& labels, double value) {
  AddMetric(family, labels).gauge.value = value;
}

MetricFamily MakeCounter(const std::string& name, const std::string& help, double value) {
  MetricFamily family = MakeFamily(name, help, MetricType::Counter);
  AddCounter(family, {}, value);
  return family;
}

MetricFamily MakeGauge(const std::string& name, const std::string& help, double value) {
  MetricFamily family = MakeFamily(name, help, MetricType::Gauge);
  AddGauge(family, {}, value);
  return family;
}

}  // namespace capbroker
