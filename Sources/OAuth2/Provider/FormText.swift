import Primitives

/// `application/x-www-form-urlencoded`, as providers answer.
enum FormText {
    /// The first value of a name; `nil` where there is none, or it is no text.
    static func value(of name: String, in form: [UInt8]) -> String? {
        for pair in form.split(separator: UInt8(ascii: "&")) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let given = halves.first,
                PercentCode.decodeLeniently(given, plusIsBlank: true).elementsEqual(name.utf8)
            else { continue }
            let value = PercentCode.decodeLeniently(halves.count == 2 ? halves[1] : [], plusIsBlank: true)
            return String(validating: value, as: UTF8.self)
        }
        return nil
    }
}
