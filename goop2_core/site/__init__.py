"""Sites: the owner's files, how other peers fetch them and the avatars over libp2p, and how theirs are fetched."""
