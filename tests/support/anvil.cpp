#include "support/anvil.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <stdexcept>

namespace gantry::test {
namespace {

constexpr long request_bound_s = 120;

boost::json::object to_json(const RpcRequest& request, std::size_t id) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", request.method}, {"params", request.params}};
}

RpcAnswer to_answer(const boost::json::object& reply) {
  RpcAnswer answer;
  const auto* error = reply.if_contains("error");
  if (error == nullptr) {
    answer.result = reply.at("result");
    return answer;
  }
  RpcFailure failure;
  failure.code = error->at("code").to_number<std::int64_t>();
  failure.message = boost::json::value_to<std::string>(error->at("message"));
  if (const auto* data = error->as_object().if_contains("data"); data && data->is_string()) {
    failure.data = boost::json::value_to<std::string>(*data);
  }
  answer.failure = std::move(failure);
  return answer;
}

}  // namespace

// Keep-alive POSTs to one address; never through a proxy, for the chain is on loopback.
class HttpClient {
 public:
  explicit HttpClient(const std::string& url) : handle_(curl_easy_init()) {
    if (handle_ == nullptr) throw std::runtime_error("curl_easy_init failed");
    headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    headers_ = curl_slist_append(headers_, "Expect:");  // no pause for 100-continue
    curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(handle_, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT, request_bound_s);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &HttpClient::append);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &body_);
  }
  ~HttpClient() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(handle_);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const std::string& post(const std::string& body) {
    body_.clear();
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body.c_str());
    const CURLcode code = curl_easy_perform(handle_);
    if (code != CURLE_OK) {
      throw std::runtime_error(std::string("anvil: ") + curl_easy_strerror(code));
    }
    return body_;
  }

 private:
  static std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
  }

  CURL* handle_;
  curl_slist* headers_ = nullptr;
  std::string body_;
};

std::filesystem::path evm_package_file(std::string_view path_in_node_modules) {
  const std::filesystem::path folder(GANTRY_EVM_TEST_FOLDER);
  const std::filesystem::path file = folder / "node_modules" / path_in_node_modules;
  if (!std::filesystem::is_regular_file(file)) {
    throw std::runtime_error(file.string() +
                             " is missing. The tests of EVM venues need a local chain; "
                             "install it with\n    npm ci --ignore-scripts --no-audit "
                             "--no-fund --prefix " +
                             folder.string());
  }
  return file;
}

Anvil::Anvil(const std::vector<std::string>& arguments) {
  const auto program = evm_package_file("@foundry-rs/anvil-linux-amd64/bin/anvil");
  std::vector<std::string> words = {program.string(),
                                    "--host",
                                    "127.0.0.1",
                                    "--port",
                                    "0",
                                    "--no-mining",
                                    "--cache-path",
                                    (folder_ / "cache").string()};
  if (std::ranges::find(arguments, "--accounts") == arguments.end()) {
    words.insert(words.end(), {"--accounts", "2"});
  }
  words.insert(words.end(), arguments.begin(), arguments.end());
  server_.emplace("anvil", std::move(words), folder_.path());
  http_ = std::make_unique<HttpClient>(server_->url());
  call("anvil_setLoggingEnabled", {false});
}

Anvil::~Anvil() = default;

boost::json::value Anvil::call(std::string method, boost::json::array params) {
  const std::string& reply = http_->post(
      boost::json::serialize(to_json({.method = method, .params = std::move(params)}, 0)));
  RpcAnswer answer = to_answer(boost::json::parse(reply).as_object());
  if (answer.failure) throw std::runtime_error(method + ": " + answer.failure->message);
  return std::move(answer.result);
}

boost::json::object Anvil::transact(boost::json::object transaction) {
  boost::json::array params;
  params.push_back(std::move(transaction));
  const boost::json::value hash = call("eth_sendTransaction", std::move(params));
  call("evm_mine");
  boost::json::value receipt = call("eth_getTransactionReceipt", {hash});
  if (!receipt.is_object()) throw std::runtime_error("a transaction was not mined");
  return std::move(receipt.as_object());
}

std::vector<RpcAnswer> Anvil::batch(const std::vector<RpcRequest>& requests) {
  if (requests.empty()) return {};
  boost::json::array body;
  body.reserve(requests.size());
  for (const RpcRequest& request : requests) body.push_back(to_json(request, body.size()));
  const auto replies = boost::json::parse(http_->post(boost::json::serialize(body)));
  if (!replies.is_array() || replies.as_array().size() != requests.size()) {
    throw std::runtime_error("anvil answered a batch with " +
                             boost::json::serialize(replies).substr(0, 200));
  }
  std::vector<std::optional<RpcAnswer>> by_id(requests.size());
  for (const auto& reply : replies.as_array()) {
    const auto id = reply.at("id").to_number<std::size_t>();
    by_id.at(id) = to_answer(reply.as_object());
  }
  std::vector<RpcAnswer> answers;
  for (auto& answer : by_id) answers.push_back(std::move(answer.value()));
  return answers;
}

}  // namespace gantry::test
