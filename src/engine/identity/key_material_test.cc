// A key that OpenSSL made, in the forms and with the fingerprint that OpenSSH says.
#include "engine/identity/key_material.h"

#include <gtest/gtest.h>

namespace slipway::identity {
namespace {

constexpr std::string_view in_ssh =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDCqbEU/W2Xst9wLN3+dMmPv6aAA8+esTy088wJ4bUoLbNE5aZzb+"
    "BAkMn1UTIcS2vL5Xb10ii5x2LFs7zF3cDoVFt+ardhpSGCJ0pu/yUO6WCSWPFwSBdqxXcR5t3mh3hSGTWjVqVO9A2Q"
    "zzP+o0H51bE4UVM1Ul39Dyww8TkiXFr6R3PXwfJPaMPuzZTkaS6W8+HvYlvOCRl0rSiY7NExtooKqimoWR0jZdf0gE"
    "X2DSMUnL7752Z3kuoi6xNoKwx1C825Dhtu2aMlXqDc/FRFoH+RGZhOfbAYImfeYdJgCvVajhfytxkafkOU5Nw+bKPb"
    "w3F9WoJt42aci8g3wCRh";
constexpr std::string_view in_pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwqmxFP1tl7LfcCzd/nTJ\n"
    "j7+mgAPPnrE8tPPMCeG1KC2zROWmc2/gQJDJ9VEyHEtry+V29dIoucdixbO8xd3A\n"
    "6FRbfmq3YaUhgidKbv8lDulgkljxcEgXasV3Eebd5od4Uhk1o1alTvQNkM8z/qNB\n"
    "+dWxOFFTNVJd/Q8sMPE5Ilxa+kdz18HyT2jD7s2U5GkulvPh72JbzgkZdK0omOzR\n"
    "MbaKCqopqFkdI2XX9IBF9g0jFJy+++dmd5LqIusTaCsMdQvNuQ4bbtmjJV6g3PxU\n"
    "RaB/kRmYTn2wGCJn3mHSYAr1Wo4X8rcZGn5DlOTcPmyj28NxfVqCbeNmnIvIN8Ak\n"
    "YQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

std::string kind_of(std::string_view text) {
  const auto key = read_ssh_key(text);
  return key ? "read" : key.error().kind;
}

TEST(KeyMaterial, AKeyForSshIsOneInBothForms) {
  const auto ssh = read_ssh_key(std::string(in_ssh) + " somebody@here\n");
  const auto pem = read_ssh_key(in_pem);
  ASSERT_TRUE(ssh);
  ASSERT_TRUE(pem);
  EXPECT_EQ(ssh->form, SshKey::Form::ssh);
  EXPECT_EQ(pem->form, SshKey::Form::pem);
  EXPECT_EQ(fingerprint_of(*ssh), "93:4d:21:ed:fa:bf:b4:8c:24:e9:5b:f5:f5:fa:b7:e7");
  EXPECT_EQ(fingerprint_of(*pem), fingerprint_of(*ssh));
  EXPECT_EQ(to_text(*pem, SshKey::Form::ssh), in_ssh);
  EXPECT_EQ(to_text(*ssh, SshKey::Form::pem), in_pem);
}

TEST(KeyMaterial, WhatIsNoKeyForSshIsRefused) {
  EXPECT_EQ(kind_of("no key"), "unknown_key_form");
  EXPECT_EQ(kind_of(""), "unknown_key_form");
  EXPECT_EQ(kind_of("ssh-rsa"), "bad_public_key");
  EXPECT_EQ(kind_of("ssh-rsa ????"), "bad_public_key");
  EXPECT_EQ(kind_of("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA"), "bad_public_key");
  EXPECT_EQ(kind_of("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
            "bad_public_key");
  for (std::size_t size = 8; size < in_ssh.size(); size += 7)  // cut off anywhere
    EXPECT_EQ(kind_of(in_ssh.substr(0, size)), "bad_public_key") << size;
  // A modulus of 40 bits is too short.
  EXPECT_EQ(kind_of("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAABQDCqbEU"), "bad_public_key");
}

TEST(KeyMaterial, WhatIsNoCertificateIsRefused) {
  for (const std::string_view text : {"", "certbody", "-----BEGIN CERTIFICATE-----\nAAAA\n"}) {
    const auto certificate = read_certificate(text);
    ASSERT_FALSE(certificate);
    EXPECT_EQ(certificate.error().kind, "malformed_certificate");
  }
}

}  // namespace
}  // namespace slipway::identity
