// What all users of the account have to prove themselves with, as a table: made in one look at the
// store, on a worker, and kept for as long as AWS keeps it.
#include <fmt/format.h>

#include "engine/identity/credential_report.h"
#include "engine/identity/last_used.h"
#include "engine/identity/mfa.h"
#include "engine/identity/passwords.h"
#include "engine/identity/user_uploads.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

using namespace std::chrono_literals;
using identity::AccessKey;
using identity::PageRequest;
using identity::User;
using identity::UserUpload;
using service::refuse;

constexpr std::chrono::hours kept = 4h;

constexpr std::string_view header =
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
    "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
    "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
    "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";

// One row (RFC 4180). Names have commas, and paths have quotes too.
class Row {
 public:
  void text(std::string_view field) {
    if (!line_.empty()) line_ += ',';
    if (field.find_first_of(",\"\r\n") == field.npos) {
      line_ += field;
      return;
    }
    line_ += '"';
    for (const char c : field) line_.append(c == '"' ? 2 : 1, c);
    line_ += '"';
  }
  void yes_no(bool field) { text(field ? "true" : "false"); }
  void time(Timestamp field) {
    std::string shown = to_iso8601(std::chrono::floor<std::chrono::seconds>(field));
    shown.pop_back();  // "Z"
    text(shown + "+00:00");
  }
  void not_there(int times = 1) {
    for (; times > 0; --times) text("N/A");
  }
  std::string line() && { return std::move(line_) + '\n'; }

 private:
  std::string line_;
};

void add_password(store::Transaction& tx, const User& user,
                  const std::optional<identity::PasswordRules>& rules, Row& row) {
  const auto password = identity::find_password(tx, user);
  row.yes_no(password.has_value());
  if (password)
    row.text("no_information");  // nobody signs in here
  else
    row.not_there();
  if (!password) return row.not_there(2);
  row.time(password->changed);
  if (!rules || !rules->age_days_max) return row.not_there();
  row.time(password->changed + std::chrono::days(*rules->age_days_max));
}

void add_key(store::Transaction& tx, const User& user, const AccessKey* key, Row& row) {
  row.yes_no(key != nullptr && key->status == AccessKey::Status::active);
  if (key == nullptr) return row.not_there(4);
  row.time(key->created);
  const auto use = identity::last_use(tx, user.account, key->id);
  if (!use) return row.not_there(3);
  row.time(use->at);
  row.text(use->region);
  row.text(use->service);
}

void add_certificate(const UserUpload* certificate, Row& row) {
  row.yes_no(certificate != nullptr && certificate->status == AccessKey::Status::active);
  if (certificate == nullptr) return row.not_there();
  row.time(certificate->created);
}

template <typename T>
const T* nth(const std::vector<T>& items, std::size_t i) {
  return i < items.size() ? &items[i] : nullptr;
}

std::string line_of(store::Transaction& tx, const User& user,
                    const std::optional<identity::PasswordRules>& rules) {
  Row row;
  row.text(user.name);
  row.text(identity::arn_of({identity::Owner::Kind::user, user.account, user.name}, user.path));
  row.time(user.created);
  add_password(tx, user, rules, row);
  row.yes_no(!identity::mfa_devices_of(tx, user).empty());
  const auto keys = identity::access_keys(tx, user);
  for (std::size_t i = 0; i < identity::access_keys_max; ++i) add_key(tx, user, nth(keys, i), row);
  const auto certificates = identity::uploads(tx, user, UserUpload::Kind::signing_certificate);
  for (std::size_t i = 0; i < identity::signing_certificates_max; ++i)
    add_certificate(nth(certificates, i), row);
  return std::move(row).line();
}

// The account's root has the key that the server made, and nothing that could be made by a call.
std::string line_of_root(std::string_view account) {
  return fmt::format(
      "<root_account>,arn:aws:iam::{}:root,not_supported,not_supported,no_information,"
      "not_supported,not_supported,false,true,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,"
      "false,N/A\n",
      account);
}

Result<std::string> make_report(store::Store& store, const std::string& account) {
  return store.read([&](store::Transaction& tx) -> Result<std::string> {
    std::string text(header);
    text += line_of_root(account);
    const auto rules = identity::password_rules(tx, account);
    PageRequest page{.items_max = identity::identity_page_max};
    for (bool more = true; more;) {
      const auto users = identity::list_users(tx, account, page);
      for (const User& user : users.items) text += line_of(tx, user, rules);
      more = users.more;
      if (more) page.after = users.items.back().name;
    }
    return text;
  });
}

Result<std::optional<Timestamp>> made_when(store::Store& store, const std::string& account) {
  return store.read([&](store::Transaction& tx) -> Result<std::optional<Timestamp>> {
    const auto report = identity::find_credential_report(tx, account);
    if (!report) return std::nullopt;
    return report->made;
  });
}

}  // namespace

// The first call makes it, and says that it began to; the next says that it is there.
Result<api::GenerateCredentialReportResponse> generate_credential_report(Call& call, wire::Unit,
                                                                         store::Store& store) {
  auto out = call.output<api::GenerateCredentialReportResponse>();
  TRY(const auto made, made_when(store, call.account()));
  if (made && call.now() < *made + kept) return out.State("COMPLETE");
  TRY(std::string content, make_report(store, call.account()));
  const identity::CredentialReport report{.made = this_second(call), .content = std::move(content)};
  TRY_DO(store.write([&](store::Transaction& tx) -> Result<> {
    identity::put_credential_report(tx, call.account(), report);
    return {};
  }));
  return out.State("STARTED").Description(
      "No report exists. Starting a new report generation task");
}

Result<api::GetCredentialReportResponse> get_credential_report(Call& call, wire::Unit) {
  const auto report = identity::find_credential_report(call.tx(), call.account());
  if (!report) return refuse("ReportNotPresent", "");
  if (call.now() >= report->made + kept)
    return refuse("ReportExpired", "The report has expired; generate another.");
  return call.output<api::GetCredentialReportResponse>()
      .Content(wire::Blob{report->content})
      .ReportFormat("text/csv")
      .GeneratedTime(report->made);
}

}  // namespace slipway::iam
