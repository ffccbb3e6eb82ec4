#include "host/kit/channel.hpp"

#include <boost/json.hpp>

namespace gantry::host::kit {

namespace json = boost::json;

std::string result_line(const CheckResult& result, std::string_view note) {
  const json::value line = {{"status", static_cast<std::int32_t>(result.status)},
                            {"fault", static_cast<std::int32_t>(result.fault)},
                            {"what", result.what},
                            {"note", note}};
  return json::serialize(line) + "\n";
}

std::optional<ReadResult> read_result(std::string_view report) {
  // The last whole line that is an object.
  while (!report.empty()) {
    if (report.back() != '\n') {
      const auto end = report.rfind('\n');
      if (end == std::string_view::npos) return std::nullopt;
      report = report.substr(0, end + 1);
    }
    const auto begin = report.rfind('\n', report.size() - 2);
    const auto line = report.substr(begin == std::string_view::npos ? 0 : begin + 1);
    boost::system::error_code error;
    const json::value value = json::parse(line, error);
    if (!error && value.is_object()) {
      try {
        const json::object& object = value.as_object();
        ReadResult read;
        read.result.status = static_cast<CheckStatus>(object.at("status").as_int64());
        read.result.fault = static_cast<CheckFault>(object.at("fault").as_int64());
        read.result.what = object.at("what").as_string().c_str();
        read.note = object.at("note").as_string().c_str();
        const auto status = static_cast<std::int32_t>(read.result.status);
        if (status >= 1 && status <= 3) return read;
      } catch (const std::exception&) {
        return std::nullopt;
      }
    }
    if (begin == std::string_view::npos) return std::nullopt;
    report = report.substr(0, begin + 1);
  }
  return std::nullopt;
}

}  // namespace gantry::host::kit
