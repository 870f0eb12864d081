#include "services/access/pem_files.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace capbroker {
namespace {

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj
// /CN=broker.example.org
const char kCertificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBkDCCATWgAwIBAgIUPv28okc/t0vLCalppaczTfQ7TTAwCgYIKoZIzj0EAwIw\n"
    "HTEbMBkGA1UEAwwSYnJva2VyLmV4YW1wbGUub3JnMB4XDTI2MTEyNDAwMTAzMFoX\n"
    "DTM2MTEyMTAwMTAzMFowHTEbMBkGA1UEAwwSYnJva2VyLmV4YW1wbGUub3JnMFkw\n"
    "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEo39NQbLQk01qZWp6z4tLe8pl7+L5htU\n"
    "DzLpN6PwITIFv3HfPM7NccC8cfK1F8vwLBaWlScV6mVz1DITPt9MWqNTMFEwHQYD\n"
    "VR0OBBYEFLOQDDSxStgWnWaWo4/462A6/5ByMB8GA1UdIwQYMBaAFLOQDDSxStgW\n"
    "nWaWo4/462A6/5ByMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIh\n"
    "AIf3pVTHdtfVQtnJ9HT/AYb6JhK+2rzYhdynQWJ4tc/GAiEAuEJOZB7i14hzg1/E\n"
    "5Z9CAvO6XADhl/ZzBliD8XZpMvY=\n"
    "-----END CERTIFICATE-----\n";

std::string Write(const std::string& text) {
  const std::string path = testing::TempDir() + "certificate_test.pem";
  std::ofstream(path) << text;
  return path;
}

TEST(CertificateTest, ExpiresWhenItSays) {
  const std::string path = Write(kCertificate);
  EXPECT_EQ(Format(ExpiryOf(path)), "2036-11-21T00:10:30.000000Z");
  std::remove(path.c_str());
}

TEST(CertificateTest, WhatIsNoneHasNoEnd) {
  EXPECT_FALSE(ExpiryOf("/nowhere/tls.crt").IsSet());
  const std::string path =
      Write("-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n");
  EXPECT_FALSE(ExpiryOf(path).IsSet());
  Write("");
  EXPECT_FALSE(ExpiryOf(path).IsSet());
  std::remove(path.c_str());
}

}  // namespace
}  // namespace capbroker
