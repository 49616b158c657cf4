import Primitives

/// The coding of `grpc-message`: printable ASCII but `%` stands for itself, every other byte is `%` and two digits.
enum PercentEncoding {
    static func encode(_ text: String) -> String {
        PercentCode.encode(text) { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "%") }
    }

    /// What is no code is left as it is, and what is no UTF-8 then is replaced: a message is never refused.
    static func decode(_ text: String) -> String {
        String(decoding: PercentCode.decodeLeniently(Array(text.utf8)[...]), as: UTF8.self)
    }
}
