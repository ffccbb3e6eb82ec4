#include "host/log/log.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <sstream>

using namespace gantry::host;

namespace {

// Puts the process's logger back.
class Captured {
 public:
  Captured(LogSettings settings, bool terminal) {
    set_up_log(settings, terminal, false, std::make_shared<spdlog::sinks::ostream_sink_mt>(out_));
  }
  ~Captured() { spdlog::set_default_logger(before_); }
  std::string text() const { return out_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream out_;
};

}  // namespace

TEST_CASE("a log line is JSON unless a person reads it") {
  const Captured log(LogSettings{}, false);
  spdlog::warn("pool {} \"refused\"\nsecond line", 7);
  const auto line = boost::json::parse(log.text()).as_object();
  CHECK(line.at("level") == "warning");
  CHECK(line.at("message") == "pool 7 \"refused\"?second line");
  CHECK(line.contains("time"));
}

TEST_CASE("a log line on a terminal is one plain line, whatever the message holds") {
  const Captured log(LogSettings{}, true);
  spdlog::error("\x1b[2Jgone\nfake line");
  const std::string text = log.text();
  CHECK(text.find("error") != std::string::npos);
  CHECK(text.find("?[2Jgone?fake line\n") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("the format that is asked for wins over the terminal") {
  const Captured log(LogSettings{.format = LogFormat::json}, true);
  spdlog::info("x");
  CHECK(log.text().starts_with("{"));
}

TEST_CASE("lines below the level are not written") {
  const Captured log(LogSettings{.level = LogLevel::warning}, false);
  spdlog::info("quiet");
  CHECK(log.text().empty());
}

TEST_CASE("a line of a thread that works for a chain names it, once") {
  {
    const Captured log(LogSettings{}, true);
    const LogChain chain("polygon");
    spdlog::info("pool 3 is left out");
    spdlog::info("polygon: reorganized");
    CHECK(log.text().find(" polygon: pool 3 is left out\n") != std::string::npos);
    CHECK(log.text().find(" polygon: reorganized\n") != std::string::npos);
    CHECK(log.text().find("polygon: polygon") == std::string::npos);
  }
  const Captured log(LogSettings{}, false);
  {
    const LogChain outer("polygon");
    const LogChain inner("bsc\x1b");
    CHECK(log_chain() == "bsc\x1b");
    spdlog::info("one");
  }
  CHECK(log_chain().empty());
  spdlog::info("two");
  std::istringstream lines(log.text());
  std::string line;
  REQUIRE(std::getline(lines, line));
  CHECK(boost::json::parse(line).at("chain") == "bsc?");
  CHECK(boost::json::parse(line).at("message") == "one");
  REQUIRE(std::getline(lines, line));
  CHECK_FALSE(boost::json::parse(line).as_object().contains("chain"));
}

TEST_CASE("a log line never contains a secret, in either format") {
  hide_from_logs({"k3y-of-the-provider", "k3y-of-the-provider-longer", "abc"});
  for (const bool terminal : {false, true}) {
    const Captured log(LogSettings{}, terminal);
    spdlog::info("https://rpc/k3y-of-the-provider and k3y-of-the-provider-longer; abc stays");
    const std::string text = log.text();
    CHECK(text.find("k3y") == std::string::npos);
    CHECK(text.find("longer") == std::string::npos);
    CHECK(text.find("https://rpc/[secret] and [secret]; abc stays") != std::string::npos);
  }
  CHECK(without_secrets("k3y-of-the-provider") == "[secret]");
}
