#include "services/lib/base/sha256.h"

#include <openssl/evp.h>

#include <memory>

#include "matcher/base/check.h"

namespace cievents {

std::array<uint8_t, 32> Sha256(std::string_view bytes) {
  // OpenSSL 3 looks the algorithm up at every call of SHA256(), under a lock of all threads.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<uint8_t, 32> digest;
  CIEVENTS_CHECK(EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
                 EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                 EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  return digest;
}

std::string Sha256Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(64);
  for (const uint8_t byte : Sha256(bytes)) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

}  // namespace cievents
