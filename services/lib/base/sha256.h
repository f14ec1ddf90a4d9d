// SHA-256 (FIPS 180-4) by OpenSSL.
#ifndef SERVICES_LIB_BASE_SHA256_H_
#define SERVICES_LIB_BASE_SHA256_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cievents {

std::array<uint8_t, 32> Sha256(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);  // 64 lower-case digits

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_SHA256_H_
