/// A word of the command line, as far as it is clear without knowing the options.
enum Word {
    /// `isLiteral`: it stands after `--`, so it is neither a command nor the value of an option.
    case value(String, isLiteral: Bool)
    /// `--name` or `--name=value`; an empty value is none: the next word may be the value.
    case long(name: String, value: String?)
    /// `-abc` or `-abc=value`: one name of several letters, or several names of one. Letters are taken away from it.
    case short(letters: String, value: String?)

    static func split(_ arguments: [String]) -> [Word] {
        var words: [Word] = []
        var isLiteral = false
        for argument in arguments {
            if isLiteral {
                words.append(.value(argument, isLiteral: true))
            } else if argument.utf8.elementsEqual("--".utf8) {
                isLiteral = true
            } else {
                words.append(Word(argument))
            }
        }
        return words
    }

    private init(_ text: String) {
        let bytes = text.utf8
        guard bytes.count > 1, bytes.first == UInt8(ascii: "-") else {
            self = .value(text, isLiteral: false)
            return
        }
        let equals = bytes.firstIndex(of: UInt8(ascii: "="))
        let name = String(text[..<(equals ?? text.endIndex)])
        let value = equals.map { String(text[bytes.index(after: $0)...]) }
        if bytes.dropFirst().first == UInt8(ascii: "-") {
            self = .long(name: name, value: value?.isEmpty == false ? value : nil)
        } else {
            self = .short(letters: String(name.dropFirst()), value: value)
        }
    }

    /// How an option is named in an error; nil for values.
    var optionName: String? {
        switch self {
        case .value: nil
        case .long(let name, _): name
        case .short(let letters, _): "-" + letters
        }
    }

    /// Whether one of `names` is in it.
    func isOrHolds(_ names: [String]) -> Bool {
        switch self {
        case .value: false
        case .long(let name, _): names.contains(name)
        case .short(let letters, _): names.contains("-" + letters) || letters.contains { names.contains("-\($0)") }
        }
    }
}
