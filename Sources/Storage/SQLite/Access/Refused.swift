/// What the asker's own check throws inside of a transaction, past the mapping of errors.
struct Refused: Error {
    let reason: any Error
}
