// The registry of providers, on the directory's book.
#include <utility>

#include "broker/deciding/deciding.h"
#include "broker/deciding/validate.h"
#include "broker/values/refusal.h"
#include "broker/values/text.h"

namespace capbroker {
namespace {

absl::Status NoProvider(const ProviderId& id) {
  return Refuse(absl::StatusCode::kNotFound, "NOT_FOUND", Cat("no provider \"", id.value, "\""));
}

Verdict Record(Kind kind, const Provider& provider) {
  Decision decision{.kind = kind};
  decision.provider = provider.id;
  decision.record = std::make_shared<const Provider>(provider);
  return Verdict{{std::move(decision)}, {}};
}

Verdict Switch(Kind kind, const ProviderId& provider, const std::string& text) {
  Decision decision{.kind = kind};
  decision.provider = provider;
  decision.text = text;
  return Verdict{{std::move(decision)}, {}};
}

}  // namespace

absl::StatusOr<Verdict> Deciding::On(const RegisterProvider& add) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  if (absl::Status status = Validate(add.provider); !status.ok()) return status;
  if (const Provider* known = book.directory.Find(add.provider.id); known != nullptr) {
    if (*known == add.provider) return Verdict{};
    return Refuse(
        absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
        Cat("provider \"", add.provider.id.value, "\" is registered with other particulars"));
  }
  return Record(Kind::PROVIDER_REGISTERED, add.provider);
}

absl::StatusOr<Verdict> Deciding::On(const UpdateProvider& update) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  const Provider* known = book.directory.Find(update.provider.id);
  if (known == nullptr) return NoProvider(update.provider.id);
  Provider provider = update.provider;
  provider.suspended = known->suspended;  // Only Suspend and Resume change it,
  provider.unhealthy = known->unhealthy;  // and only ReportHealth this.
  if (absl::Status status = Validate(provider); !status.ok()) return status;
  if (*known == provider) return Verdict{};
  return Record(Kind::PROVIDER_UPDATED, provider);
}

absl::StatusOr<Verdict> Deciding::On(const SuspendProvider& suspend) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  const Provider* known = book.directory.Find(suspend.provider);
  if (known == nullptr) return NoProvider(suspend.provider);
  if (known->suspended) return Verdict{};
  return Switch(Kind::PROVIDER_SUSPENDED, suspend.provider, suspend.text);
}

absl::StatusOr<Verdict> Deciding::On(const ResumeProvider& resume) const {
  if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  const Provider* known = book.directory.Find(resume.provider);
  if (known == nullptr) return NoProvider(resume.provider);
  if (!known->suspended) return Verdict{};
  return Switch(Kind::PROVIDER_RESUMED, resume.provider, resume.text);
}

// R23.
absl::StatusOr<Verdict> Deciding::On(const ReportHealth& report) const {
  if (actor.role != Role::kBroker) {
    if (absl::Status status = CheckActor(Role::kOperator); !status.ok()) return status;
  }
  const Provider* known = book.directory.Find(report.provider);
  if (known == nullptr) return NoProvider(report.provider);
  if (known->unhealthy == !report.healthy) return Verdict{};
  return Switch(report.healthy ? Kind::PROVIDER_HEALED : Kind::PROVIDER_TRIPPED, report.provider,
                report.text);
}

}  // namespace capbroker
