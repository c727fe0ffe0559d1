#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| privmsg_fuzz_e2ee::welcome(input));
